/// A line as the marketplace asks for it, once its own fields make sense.
package struct OrderLineDraft: Hashable, Sendable {
    package let kind: OrderLine.Kind
    package let seller: ID<Seller>?
    package let description: String
    package let unitAmount: Int64
    package let quantity: Int64
    package let category: String?
    package let fundedBy: OrderLine.Funder?
    package let feeApplies: Bool

    /// What the platform takes a fee on unless the line says otherwise: goods, and what it costs to send them.
    package static func feeAppliesByDefault(_ kind: OrderLine.Kind, seller: ID<Seller>?) -> Bool {
        seller != nil && (kind == .item || kind == .shipping)
    }

    /// Refuses what makes no sense in a single line. `path` is the line's path in the request, such as `lines[2]`.
    /// - Throws: `parameter_invalid`, `parameter_missing` or `amount_too_large`, naming the field.
    package init(
        kind: OrderLine.Kind, seller: ID<Seller>?, description: String, unitAmount: Int64, quantity: Int64 = 1,
        category: String? = nil, fundedBy: OrderLine.Funder? = nil, feeApplies: Bool? = nil, path: String = "line"
    ) throws(Refusal) {
        guard !description.isEmpty, description.utf8.count <= 500 else {
            throw Refusal(
                .parameterInvalid, "description says what the buyer sees, in 1 to 500 bytes.",
                parameter: "\(path).description")
        }
        guard (1...1_000_000).contains(quantity) else {
            throw Refusal(
                .parameterInvalid, "quantity must be from 1 to 1000000.", parameter: "\(path).quantity")
        }
        let limit = Currency.maximumCharge
        guard (-limit...limit).contains(unitAmount), (unitAmount * quantity).magnitude <= UInt64(limit) else {
            throw Refusal(
                .amountTooLarge, "A line's amount must not exceed \(limit) minor units.",
                parameter: "\(path).unit_amount")
        }
        guard kind == .discount ? unitAmount <= 0 : unitAmount >= 0 else {
            throw Refusal(
                .parameterInvalid,
                kind == .discount
                    ? "A discount's unit_amount must not be positive." : "Only a discount's unit_amount is negative.",
                parameter: "\(path).unit_amount")
        }
        self.fundedBy = try Self.funder(of: kind, seller: seller, asked: fundedBy, path: path)
        if kind == .share {
            guard seller != nil else {
                throw Refusal(
                    .parameterMissing, "A share names the seller who receives it.", parameter: "\(path).seller")
            }
        }
        let feeApplies = feeApplies ?? Self.feeAppliesByDefault(kind, seller: seller)
        if feeApplies, seller == nil || kind == .tax || kind == .discount {
            throw Refusal(
                .parameterInvalid, "A fee is taken only on a seller's item, shipping, tip or share.",
                parameter: "\(path).fee_applies")
        }
        self.kind = kind
        self.seller = kind == .tax ? nil : seller
        self.description = description
        self.unitAmount = unitAmount
        self.quantity = quantity
        self.category = category
        self.feeApplies = feeApplies
    }

    private static func funder(
        of kind: OrderLine.Kind, seller: ID<Seller>?, asked: OrderLine.Funder?, path: String
    ) throws(Refusal) -> OrderLine.Funder? {
        guard kind == .discount else {
            guard asked == nil else {
                throw Refusal(
                    .parameterInvalid, "funded_by belongs to discounts only.", parameter: "\(path).funded_by")
            }
            return nil
        }
        let funder = asked ?? (seller == nil ? .platform : .seller)
        if funder == .seller, seller == nil {
            throw Refusal(
                .parameterMissing, "A discount that the seller funds names the seller.",
                parameter: "\(path).seller")
        }
        return funder
    }
}

/// An order as the marketplace asks for it: everything that decides how its money divides.
package struct OrderDraft: Hashable, Sendable {
    package static let maximumLines = 500

    package let currency: Currency
    package let lines: [OrderLineDraft]
    /// What the buyer pays.
    package let amount: Money

    /// - Throws: `too_many_lines`, `parameter_missing` for none, and what Stripe's bounds say about the total:
    ///   `amount_too_small`, `amount_too_large`, `parameter_invalid` for an amount between the currency's steps.
    package init(currency: Currency, lines: [OrderLineDraft]) throws(Refusal) {
        guard !lines.isEmpty else {
            throw Refusal(.parameterMissing, "An order has at least one line.", parameter: "lines")
        }
        guard lines.count <= Self.maximumLines else {
            throw Refusal(
                .tooManyLines, "An order has at most \(Self.maximumLines) lines; this one has \(lines.count).",
                parameter: "lines")
        }
        let rule = currency.rule
        for (index, line) in lines.enumerated() {
            guard line.unitAmount.isMultiple(of: rule.chargeStep) else {
                throw Refusal(
                    .parameterInvalid,
                    "Stripe takes amounts in \(currency) in steps of \(rule.chargeStep) minor units only.",
                    parameter: "lines[\(index)].unit_amount")
            }
        }
        // At most 500 lines of at most eight digits each: the sum fits.
        let total = lines.reduce(Int64(0)) { $0 + $1.unitAmount * $1.quantity }
        let minimum = rule.minimumCharge ?? rule.chargeStep
        guard total >= minimum else {
            throw Refusal(
                .amountTooSmall,
                "The lines sum to \(Money(total, currency)); the least that Stripe charges is "
                    + "\(Money(minimum, currency)).",
                parameter: "lines")
        }
        guard total <= Currency.maximumCharge else {
            throw Refusal(
                .amountTooLarge,
                "The lines sum to \(Money(total, currency)); the most that Stripe charges is "
                    + "\(Money(Currency.maximumCharge, currency)).",
                parameter: "lines")
        }
        self.currency = currency
        self.lines = lines
        amount = Money(total, currency)
    }

    /// Sellers in the order in which the lines first name them.
    package var sellers: [ID<Seller>] {
        var seen: [ID<Seller>] = []
        for line in lines {
            guard let seller = line.seller, !seen.contains(seller) else { continue }
            // A discount that the platform funds may say whose goods it is for; the seller has no part in it.
            if line.kind == .discount, line.fundedBy == .platform { continue }
            seen.append(seller)
        }
        return seen
    }
}
