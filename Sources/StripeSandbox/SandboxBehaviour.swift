/// What Stripe does not publish, one switch each, so that money can be tested under every reading (docs/sandbox.md,
/// "What Stripe does not publish"). `PUT /_sandbox/behaviour` changes them while the sandbox runs.
package struct SandboxBehaviour: Hashable, Sendable {
    package enum Reversal: String, Sendable, CaseIterable {
        /// The reversal of a destination charge may take the connected balance below zero.
        case negative
        /// A reversal needs the connected balance, the pending money of the same payment included.
        case strict
    }

    package enum FeeRefundRow: String, Sendable, CaseIterable {
        /// The connected account gets its fee back as a negative fee on the row of the refund.
        case negativeFee = "negative_fee"
        /// A row of its own.
        case separateRow = "separate_row"
    }

    package enum ShortRefund: String, Sendable, CaseIterable {
        /// A refund above the balance takes it below zero at once.
        case negative
        /// It waits, `pending` with `insufficient_funds`, until the balance suffices.
        case pending
    }

    package enum ShareRounding: String, Sendable, CaseIterable {
        case halfUp = "half_up"
        case down
    }

    package enum PlatformFeeRow: String, Sendable, CaseIterable {
        /// Stripe's fee for a seller's own charge, where the platform pays it, is a row of its own.
        case ownRow = "own_row"
        /// It is a fee on the row of the platform's application fee, where there is one.
        case onApplicationFee = "on_application_fee"
    }

    package enum KeyScope: String, Sendable, CaseIterable {
        /// One idempotency key may be used once in each account that the platform acts as.
        case account
        /// Once in all of them together.
        case platform
    }

    package var reversal: Reversal = .negative
    package var feeRefundRow: FeeRefundRow = .negativeFee
    package var shortRefund: ShortRefund = .negative
    /// How the share of a transfer or a fee that a partial refund brings back is rounded.
    package var shareRounding: ShareRounding = .halfUp
    package var platformFeeRow: PlatformFeeRow = .ownRow
    package var keyScope: KeyScope = .account
    /// Whether an instant payout costs 1 %, at least 50 minor units.
    package var instantPayoutsCost = true
    /// How long after its success a charge gets its balance transaction, fee and transfer.
    package var enrichmentMilliseconds: Int64 = 1000
    /// How long after submission an account's verification ends.
    package var verificationSeconds: Int64 = 60
    /// Days until a charge's money is available, for accounts that set nothing else.
    package var settlementDays: Int64 = 2
    package var accountLinkSeconds: Int64 = 300
    /// The pauses before each repeated delivery of an event, in seconds.
    package var retryPauses: [Int64] = [1, 5, 30]
    package var deliveryTimeoutSeconds: Int64 = 10
    /// Whether confirming with automatic payment methods on the server asks for a `return_url`, as Stripe does.
    package var asksForReturnURL = true
    /// Whether an account gets money in currencies that it has no bank account for in its default currency, or holds each
    /// currency as it comes.
    package var convertsCurrencies = false
    /// Whether the list of a payout's rows contains the row of the payout itself.
    package var payoutListsItself = true
    package var paymentCreatedEvent = false

    package init() {}
}

extension SandboxBehaviour {
    var json: JSONValue {
        [
            "reversal": .string(reversal.rawValue), "fee_refund_row": .string(feeRefundRow.rawValue),
            "short_refund": .string(shortRefund.rawValue), "share_rounding": .string(shareRounding.rawValue),
            "platform_fee_row": .string(platformFeeRow.rawValue), "key_scope": .string(keyScope.rawValue),
            "instant_payouts_cost": .bool(instantPayoutsCost),
            "enrichment_milliseconds": .int(enrichmentMilliseconds),
            "verification_seconds": .int(verificationSeconds), "settlement_days": .int(settlementDays),
            "account_link_seconds": .int(accountLinkSeconds),
            "retry_pauses": .array(retryPauses.map(JSONValue.int)),
            "delivery_timeout_seconds": .int(deliveryTimeoutSeconds),
            "asks_for_return_url": .bool(asksForReturnURL), "payout_lists_itself": .bool(payoutListsItself),
            "payment_created_event": .bool(paymentCreatedEvent), "converts_currencies": .bool(convertsCurrencies),
        ]
    }

    /// Changes the switches that `body` names and leaves the others.
    mutating func change(by body: JSONObject) throws(StripeFailure) {
        for (key, value) in body.pairs {
            let known: Bool
            switch key {
            case "reversal": known = Self.read(value, &reversal)
            case "fee_refund_row": known = Self.read(value, &feeRefundRow)
            case "short_refund": known = Self.read(value, &shortRefund)
            case "share_rounding": known = Self.read(value, &shareRounding)
            case "platform_fee_row": known = Self.read(value, &platformFeeRow)
            case "key_scope": known = Self.read(value, &keyScope)
            case "instant_payouts_cost": known = Self.read(value, &instantPayoutsCost)
            case "enrichment_milliseconds": known = Self.read(value, &enrichmentMilliseconds)
            case "verification_seconds": known = Self.read(value, &verificationSeconds)
            case "settlement_days": known = Self.read(value, &settlementDays)
            case "account_link_seconds": known = Self.read(value, &accountLinkSeconds)
            case "delivery_timeout_seconds": known = Self.read(value, &deliveryTimeoutSeconds)
            case "asks_for_return_url": known = Self.read(value, &asksForReturnURL)
            case "payout_lists_itself": known = Self.read(value, &payoutListsItself)
            case "payment_created_event": known = Self.read(value, &paymentCreatedEvent)
            case "converts_currencies": known = Self.read(value, &convertsCurrencies)
            case "retry_pauses":
                let pauses = value.array?.compactMap(\.int) ?? []
                known = pauses.count == value.array?.count && pauses.allSatisfy { $0 >= 0 }
                if known { retryPauses = pauses }
            default:
                throw .parameter("parameter_unknown", key, "Received unknown parameter: \(key)")
            }
            guard known else { throw .parameter(nil, key, "Invalid value for \(key)") }
        }
    }

    private static func read<Choice: RawRepresentable<String>>(_ value: JSONValue, _ target: inout Choice) -> Bool {
        guard let choice = value.string.flatMap(Choice.init) else { return false }
        target = choice
        return true
    }

    private static func read(_ value: JSONValue, _ target: inout Int64) -> Bool {
        guard let number = value.int, number >= 0 else { return false }
        target = number
        return true
    }

    private static func read(_ value: JSONValue, _ target: inout Bool) -> Bool {
        guard let flag = value.bool else { return false }
        target = flag
        return true
    }
}
