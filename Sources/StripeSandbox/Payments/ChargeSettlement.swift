/// What follows a successful charge in the books: its row, Stripe's fee, the transfer to the seller and the platform's
/// fee (docs/sandbox.md, "Charges and their rows"). Asynchronous by default: the charge shows nulls until then.
enum ChargeSettlement {
    static func begin(_ charge: String, isAsynchronous: Bool, _ turn: Turn) {
        if isAsynchronous {
            turn.schedule(.settleCharge, charge, after: turn.behaviour.enrichmentMilliseconds)
        } else {
            settle(charge, announces: false, turn)
        }
    }

    /// Books the charge now, whatever was planned; a charge that has its row is left alone.
    static func finish(_ charge: String, _ turn: Turn) {
        turn.cancelJob("settleCharge:\(charge)")
        guard turn.current(charge)["balance_transaction"].isNull else { return }
        settle(charge, announces: true, turn)
    }

    private static func settle(_ id: String, announces: Bool, _ turn: Turn) {
        let charge = turn.current(id)
        guard charge["captured"] == true, charge["status"] == "succeeded" else { return }
        let account = turn.account
        let currency = charge["currency"].string ?? ""
        let captured = charge["amount_captured"].int ?? 0
        let card = TestCard.numbered(charge["_card"].string ?? "")
        let behalf = charge["on_behalf_of"].string ?? account
        let availableOn = card?.behaviour == .bypassPending ? turn.now : BalanceRows.settlement(of: behalf, turn)
        let fee = charge["application_fee_amount"].int.flatMap { $0 > 0 ? $0 : nil }
        let isDirect = account != turn.world.platform
        let platformPays = isDirect && turn.current(account)["controller"]["fees"]["payer"] == "application"
        let taken = Exchange.settled(
            captured, currency, in: platformPays ? turn.world.platform : account, turn)
        let processing = BalanceRows.processingFee(taken.amount)

        var fees: [JSONValue] = []
        if !platformPays { fees.append(BalanceRows.stripeFee(processing, taken.currency)) }
        if isDirect, let fee { fees.append(BalanceRows.applicationFee(fee, currency, turn)) }
        let amount = charge["amount"].int ?? 0
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "charge", category: "charge", amount: amount, fees: fees, currency: currency, source: id,
                description: charge["description"].string, availableOn: availableOn), in: account, turn)
        if captured < amount {
            BalanceRows.book(
                BalanceRows.Movement(
                    type: "adjustment", category: "partial_capture_reversal", amount: captured - amount,
                    currency: currency, source: id, availableOn: availableOn), in: account, turn)
        }
        let isOnFee = platformPays && fee != nil && turn.behaviour.platformFeeRow == .onApplicationFee
        if platformPays, !isOnFee {
            BalanceRows.book(
                BalanceRows.Movement(
                    type: "stripe_fee", category: "fee", amount: -processing, currency: taken.currency, source: nil,
                    description: "Stripe processing fees (\(id))"), in: turn.world.platform, turn)
        }
        let old = charge
        turn.update(id) { $0["balance_transaction"] = row["id"] }
        if isDirect, let fee {
            let made = ApplicationFees.make(
                amount: fee, currency: currency, account: account, charge: id, origin: nil, availableOn: availableOn,
                fees: isOnFee ? [BalanceRows.stripeFee(processing, taken.currency)] : [], turn)
            turn.update(id) { $0["application_fee"] = made["id"] }
        } else if let destination = charge["transfer_data"]["destination"].string {
            transfer(id, to: destination, fee: fee, availableOn: availableOn, turn)
        }
        if announces {
            let new = turn.current(id)
            turn.emit("charge.updated", new, previous: Turn.differences(from: old, to: new))
        }
        followUp(id, card, turn)
    }

    private static func transfer(
        _ id: String, to destination: String, fee: Int64?, availableOn: Int64, _ turn: Turn
    ) {
        let charge = turn.current(id)
        let currency = charge["currency"].string ?? ""
        let brought = Charges.brought(by: id, turn)
        func settled(_ amount: Int64) -> Int64 { Exchange.settled(amount, currency, in: turn.account, turn).amount }
        let fee = fee.map(settled)
        let (transfer, payment) = Transfers.make(
            Transfers.Order(
                amount: charge["transfer_data"]["amount"].int.map(settled) ?? brought.amount,
                currency: brought.currency,
                destination: destination, charge: id,
                group: charge["transfer_group"].string, applicationFee: fee, availableOn: availableOn), turn)
        var made: JSONValue?
        if let fee {
            made = ApplicationFees.make(
                amount: fee, currency: brought.currency, account: destination,
                charge: payment["id"].string ?? "", origin: id, availableOn: availableOn, turn)
            turn.update(payment["id"].string ?? "") { $0["application_fee"] = made?["id"] ?? .null }
        }
        turn.update(id) { charge in
            charge["transfer"] = transfer["id"]
            charge["application_fee"] = made?["id"] ?? .null
        }
        turn.emit("transfer.created", transfer)
    }

    /// What some test cards bring later.
    private static func followUp(_ id: String, _ card: TestCard?, _ turn: Turn) {
        switch card?.behaviour {
        case .dispute(_, _, let count):
            for number in 0..<count {
                turn.schedule(.openDispute, id, at: turn.milliseconds + 1000, id: "openDispute:\(id):\(number)")
            }
        case .fraudWarning: turn.schedule(.warnOfFraud, id, after: 1000)
        default: return
        }
    }
}
