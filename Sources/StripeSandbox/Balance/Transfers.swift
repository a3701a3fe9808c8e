/// `/v1/transfers` and their reversals: platform balance to connected balance and back.
enum Transfers {
    struct Order {
        var amount: Int64
        var currency: String
        var destination: String
        /// The charge whose money is moved: the transfer becomes available with it.
        var charge: String?
        var group: String?
        var applicationFee: Int64?
        var availableOn: Int64?
        var description: JSONValue = .null
        var metadata: JSONValue = [:]
        /// Made by a destination charge, not by a call.
        var isDestinationCharge = true
    }

    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/transfers", platformOnly: true, create)
        try routes.add("GET /v1/transfers", platformOnly: true) { turn throws(StripeFailure) in
            try turn.page(
                of: "transfer", url: "/v1/transfers",
                slots: turn.slots(of: "transfer", by: "transfer_group", "destination")
            ) { turn.matches($0, "transfer_group", "destination") }
        }
        try routes.add("GET /v1/transfers/:transfer", platformOnly: true) { turn throws(StripeFailure) in
            try turn.fromPath("transfer", "transfer")
        }
        try routes.add("POST /v1/transfers/:transfer", platformOnly: true) { turn throws(StripeFailure) in
            let old = try turn.fromPath("transfer", "transfer")
            let metadata = try turn.mergedMetadata(old["metadata"])
            return turn.updateAndEmit(old["id"].string ?? "", "transfer.updated") { transfer in
                transfer["metadata"] = metadata
                if let description = turn.params["description"] { transfer["description"] = description }
            }
        }
        let reversals = "/v1/transfers/:transfer/reversals"
        try routes.add("POST \(reversals)", platformOnly: true, reverse)
        try routes.add("GET \(reversals)", platformOnly: true) { turn throws(StripeFailure) in
            let id = try turn.fromPath("transfer", "transfer")["id"].string ?? ""
            return try turn.page(
                of: "transfer_reversal", url: "/v1/transfers/\(id)/reversals",
                slots: turn.world.slots(account: turn.account, type: "transfer_reversal", field: "transfer", value: id))
        }
        try routes.add("GET \(reversals)/:reversal", platformOnly: true) { turn throws(StripeFailure) in
            try reversal(turn)
        }
        try routes.add("POST \(reversals)/:reversal", platformOnly: true) { turn throws(StripeFailure) in
            let old = try reversal(turn)
            let metadata = try turn.mergedMetadata(old["metadata"])
            let new = turn.update(old["id"].string ?? "") { $0["metadata"] = metadata }
            showReversals(of: old["transfer"].string ?? "", turn)
            return new
        }
    }

    private static func reversal(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        let transfer = try turn.fromPath("transfer", "transfer")
        let reversal = try turn.fromPath("reversal", "transfer_reversal", kind: "transfer reversal")
        guard reversal["transfer"] == transfer["id"] else {
            throw .missing("transfer reversal", turn.path["reversal"] ?? "", param: "reversal")
        }
        return reversal
    }

    // MARK: Create

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let currency = try Accounts.currencyCode(try turn.required("currency"), "currency").string ?? ""
        let destination = try turn.required("destination")
        guard turn.find("account", destination) != nil, destination != turn.world.platform else {
            throw .missingReference("destination", destination, param: "destination")
        }
        try PaymentIntents.requireCapability("transfers", of: destination, param: "destination", turn)
        var order = Order(
            amount: turn.int("amount") ?? 0, currency: currency, destination: destination,
            group: turn.string("transfer_group"), description: turn.params["description"] ?? .null,
            metadata: try turn.mergedMetadata(.null), isDestinationCharge: false)
        if let chargeID = turn.string("source_transaction") {
            try follow(chargeID, &order, turn)
        } else {
            guard turn.has("amount") else {
                throw .parameter("parameter_missing", "amount", "Missing required param: amount.")
            }
        }
        guard order.amount >= 1 else {
            throw .parameter("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
        }
        if order.charge == nil, BalanceRows.available(turn.account, currency, turn) < order.amount {
            throw .state(
                "balance_insufficient",
                "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card. See: https://stripe.com/docs/testing#available-balance"
            )
        }
        let (transfer, _) = make(order, turn)
        turn.emit("transfer.created", transfer)
        return transfer
    }

    /// A transfer out of one charge: at most what it brought, in its currency, available when it is.
    private static func follow(_ chargeID: String, _ order: inout Order, _ turn: Turn) throws(StripeFailure) {
        guard turn.find("charge", chargeID) != nil else {
            throw .missingReference("charge", chargeID, param: "source_transaction")
        }
        ChargeSettlement.finish(chargeID, turn)
        let charge = turn.current(chargeID)
        guard charge["status"] == "succeeded", charge["captured"] == true, charge["refunded"] != true else {
            throw .state(
                nil,
                "The charge '\(chargeID)' cannot be a source_transaction: it must be captured, successful and not fully refunded.",
                param: "source_transaction")
        }
        let row = turn.current(charge["balance_transaction"].string)
        guard row["currency"].string == order.currency else {
            throw .state(
                "transfer_source_balance_parameters_mismatch",
                "The currency of source_transaction's balance transaction (\(row["currency"].string ?? "")) must be the same as the transfer currency (\(order.currency)).",
                param: "currency")
        }
        let captured = Charges.brought(by: chargeID, turn).amount
        let moved = turn.world.all(
            account: turn.account, type: "transfer", field: "source_transaction", value: chargeID
        ).reduce(0) { $0 + ($1.value["amount"].int ?? 0) }
        if !turn.has("amount") { order.amount = captured }
        guard order.amount + moved <= captured else {
            throw .state(
                "charge_exceeds_source_limit",
                "Transfers using this transaction as a source must not exceed the source amount of \(captured). (There is already \(moved) transferred.)",
                param: "source_transaction")
        }
        if charge["transfer_group"].isNull {
            let group = order.group ?? "group_\(charge["payment_intent"].string ?? chargeID)"
            turn.update(chargeID) { $0["transfer_group"] = .string(group) }
            order.group = group
        } else if order.group == nil {
            order.group = charge["transfer_group"].string
        }
        order.charge = chargeID
        order.availableOn = row["status"] == "pending" ? row["available_on"].int : nil
    }

    /// Books both sides: −amount on the platform, a `py_` payment with its fee on the connected account.
    static func make(_ order: Order, _ turn: Turn) -> (transfer: JSONValue, payment: JSONValue) {
        let platform = turn.world.platform
        let id = turn.newID("tr")
        let paymentID = turn.newID("py")
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "transfer", category: "transfer", amount: -order.amount, currency: order.currency, source: id,
                description: order.description.string, availableOn: order.availableOn), in: platform, turn)
        let fees = order.applicationFee.map { [BalanceRows.applicationFee($0, order.currency, turn)] } ?? []
        let arrival = BalanceRows.book(
            BalanceRows.Movement(
                type: "payment", category: "charge", amount: order.amount, fees: fees, currency: order.currency,
                source: paymentID, description: order.description.string, availableOn: order.availableOn),
            in: order.destination, turn)
        let payment = turn.insert(
            "charge", self.payment(paymentID, id, order, row: arrival["id"], turn), in: order.destination)
        let transfer = turn.insert(
            "transfer",
            [
                "id": .string(id), "object": "transfer", "amount": .int(order.amount), "amount_reversed": 0,
                "balance_transaction": row["id"], "created": .int(turn.now), "currency": .string(order.currency),
                "description": order.description, "destination": .string(order.destination),
                "destination_payment": .string(paymentID), "livemode": false, "metadata": order.metadata,
                "reversals": Turn.embedded([], url: "/v1/transfers/\(id)/reversals", withCount: true),
                "reversed": false, "source_transaction": .optional(order.charge), "source_type": "card",
                "transfer_group": .optional(order.group), "_destination_charge": .bool(order.isDestinationCharge),
            ], in: platform)
        if turn.behaviour.paymentCreatedEvent { turn.emit("payment.created", payment, in: order.destination) }
        return (transfer, payment)
    }

    private static func payment(
        _ id: String, _ transfer: String, _ order: Order, row: JSONValue, _ turn: Turn
    ) -> JSONValue {
        [
            "id": .string(id), "object": "charge", "amount": .int(order.amount), "amount_captured": .int(order.amount),
            "amount_refunded": 0, "application": .null, "application_fee": .null,
            "application_fee_amount": .optional(order.applicationFee), "balance_transaction": row,
            "billing_details": Shapes.billingDetails(.null), "calculated_statement_descriptor": .null,
            "captured": true, "created": .int(turn.now), "currency": .string(order.currency), "customer": .null,
            "description": .null, "disputed": false,
            "failure_balance_transaction": .null, "failure_code": .null, "failure_message": .null,
            "fraud_details": [:], "livemode": false, "metadata": [:], "on_behalf_of": .null,
            "outcome": .null, "paid": true, "payment_intent": .null, "payment_method": .null,
            "payment_method_details": ["stripe_account": [:], "type": "stripe_account"],
            "presentment_details": .null, "radar_options": [:], "receipt_email": .null, "receipt_number": .null,
            "receipt_url": .null, "refunded": false, "review": .null, "shipping": .null, "source": .null,
            "source_transfer": .string(transfer), "statement_descriptor": .null,
            "statement_descriptor_suffix": .null, "status": "succeeded", "transfer_data": .null,
            "transfer_group": .null,
        ]
    }

    // MARK: Reverse

    static let reverse: Route.Answer = { turn throws(StripeFailure) in
        let transfer = try turn.fromPath("transfer", "transfer")
        let rest = (transfer["amount"].int ?? 0) - (transfer["amount_reversed"].int ?? 0)
        let amount = turn.int("amount") ?? rest
        guard rest > 0 else {
            throw .state(nil, "This transfer (\(transfer["id"].string ?? "")) has already been fully reversed.")
        }
        guard amount >= 1, amount <= rest else {
            throw .state(
                nil, "Transfer reversal amount (\(amount)) is greater than unreversed amount on transfer (\(rest)).",
                param: "amount")
        }
        return try makeReversal(
            of: transfer["id"].string ?? "", amount: amount, refund: nil,
            refundsFee: turn.bool("refund_application_fee") ?? false,
            description: turn.params["description"] ?? .null, metadata: try turn.mergedMetadata(.null), turn)
    }

    /// Moves money back, with the proportional part of the application fee when asked.
    ///
    /// - Throws: `balance_insufficient` where the connected balance limits the reversal; see `SandboxBehaviour.reversal`.
    @discardableResult
    static func makeReversal(
        of id: String, amount: Int64, refund: String?, refundsFee: Bool, description: JSONValue = .null,
        metadata: JSONValue = [:], _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        let transfer = turn.current(id)
        let destination = transfer["destination"].string ?? ""
        let currency = transfer["currency"].string ?? ""
        let paymentID = transfer["destination_payment"].string ?? ""
        let payment = turn.current(paymentID)
        var feeBack: Int64 = 0
        if refundsFee, let fee = payment["application_fee"].string {
            let reversed = (transfer["amount_reversed"].int ?? 0) + amount
            feeBack = ApplicationFees.proportionalRest(
                of: fee, part: reversed, whole: transfer["amount"].int ?? 0, turn)
        }
        let mayGoNegative = transfer["_destination_charge"] == true && turn.behaviour.reversal == .negative
        if !mayGoNegative {
            let pending = pendingMoney(of: paymentID, in: destination, turn)
            let wanted = Exchange.settled(amount, currency, in: destination, turn)
            let returned = Exchange.settled(feeBack, currency, in: destination, turn)
            let available = BalanceRows.available(destination, wanted.currency, turn) + pending
            guard available + returned.amount >= wanted.amount else {
                throw .state(
                    "balance_insufficient",
                    "The recipient's balance is insufficient to reverse this transfer. The maximum amount that can be reversed is \(max(0, available))."
                )
            }
        }
        let reversalID = turn.newID("trr")
        let availableOn = BalanceRows.availability(like: payment["balance_transaction"].string, turn)
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "transfer_refund", category: "transfer_reversal", amount: amount, currency: currency,
                source: reversalID, description: description.string,
                availableOn: BalanceRows.availability(like: transfer["balance_transaction"].string, turn)),
            in: turn.world.platform, turn)
        let refundOfPayment = Refunds.ofPayment(
            paymentID, in: destination, amount: amount, feeBack: feeBack, reversal: reversalID,
            availableOn: availableOn, turn)
        _ = turn.insert(
            "transfer_reversal",
            [
                "id": .string(reversalID), "object": "transfer_reversal", "amount": .int(amount),
                "balance_transaction": row["id"], "created": .int(turn.now), "currency": .string(currency),
                "destination_payment_refund": refundOfPayment["id"], "metadata": metadata,
                "source_refund": .optional(refund), "transfer": .string(id),
            ], in: turn.world.platform)
        turn.update(id) { transfer in
            let reversed = (transfer["amount_reversed"].int ?? 0) + amount
            transfer["amount_reversed"] = .int(reversed)
            transfer["reversed"] = .bool(reversed == transfer["amount"].int)
        }
        showReversals(of: id, turn)
        turn.emit("transfer.reversed", turn.current(id), in: turn.world.platform)
        if feeBack > 0, let fee = payment["application_fee"].string {
            ApplicationFees.refund(fee, amount: feeBack, metadata: [:], booksConnected: false, turn)
        }
        return turn.current(reversalID)
    }

    /// What a payment has brought that is not available yet, less what went back of it.
    private static func pendingMoney(of payment: String, in account: String, _ turn: Turn) -> Int64 {
        let refunds = turn.world.all(account: account, type: "refund", field: "charge", value: payment)
        let sources = [payment] + refunds.compactMap { $0.value["id"].string }
        return sources.reduce(0) { sum, source in
            turn.world.all(account: account, type: "balance_transaction", field: "source", value: source)
                .filter { $0.value["status"] == "pending" }.reduce(sum) { $0 + ($1.value["net"].int ?? 0) }
        }
    }

    private static func showReversals(of id: String, _ turn: Turn) {
        let all = turn.world.all(account: turn.world.platform, type: "transfer_reversal", field: "transfer", value: id)
        turn.update(id) { transfer in
            transfer["reversals"] = Turn.embedded(
                all.reversed().map(\.value), url: "/v1/transfers/\(id)/reversals", withCount: true)
        }
    }
}
