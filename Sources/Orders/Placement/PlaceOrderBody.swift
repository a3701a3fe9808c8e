import Domain

/// What a caller says to place an order or to preview one. Kept with the order, so that a repetition of the call can be
/// told from another call with the same `external_id`.
package struct PlaceOrderBody: Hashable, Sendable, Codable {
    let externalID: String?
    let currency: Currency
    let buyer: Buyer?
    let lines: [Line]
    let chargeShape: String?
    let payment: OrderRecord.Payment?
    let capture: OrderRecord.Capture?
    let release: Release?
    /// `platform` when left out.
    let disputeBearer: DisputeBearer?
    let successURL: String?
    let cancelURL: String?
    let metadata: Metadata?

    struct Buyer: Hashable, Sendable, Codable {
        let externalID: String?
        let email: String?

        private enum CodingKeys: String, CodingKey {
            case email
            case externalID = "external_id"
        }
    }

    struct Release: Hashable, Sendable, Codable {
        enum Moment: String, Hashable, Sendable, Codable {
            case payment, fulfilment, delay
        }

        let on: Moment
        let days: Int64?
    }

    struct Line: Hashable, Sendable, Codable {
        let type: LineType?
        let seller: ID<Seller>?
        /// What the buyer reads; the type's own name when left out.
        let description: String?
        let unitAmount: Int64
        let quantity: Int64?
        let category: String?
        let fundedBy: FundedBy?
        let feeApplies: Bool?

        enum LineType: String, Hashable, Sendable, Codable {
            case item, shipping, tax, tip, discount, share

            var title: String {
                switch self {
                case .item: "Item"
                case .shipping: "Shipping"
                case .tax: "Tax"
                case .tip: "Tip"
                case .discount: "Discount"
                case .share: "Share"
                }
            }
        }

        enum FundedBy: String, Hashable, Sendable, Codable {
            case platform, seller
        }

        private enum CodingKeys: String, CodingKey {
            case type, seller, description, quantity, category
            case unitAmount = "unit_amount"
            case fundedBy = "funded_by"
            case feeApplies = "fee_applies"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case currency, buyer, lines, payment, capture, release, metadata
        case externalID = "external_id"
        case chargeShape = "charge_shape"
        case disputeBearer = "dispute_bearer"
        case successURL = "success_url"
        case cancelURL = "cancel_url"
    }

    /// - Throws: the refusal of the first field that makes no sense, with its path.
    func draft() throws(Refusal) -> OrderDraft {
        guard lines.count <= OrderDraft.maximumLines else {
            throw Refusal(
                .tooManyLines,
                "An order has at most \(OrderDraft.maximumLines) lines; this one has \(lines.count).",
                parameter: "lines")
        }
        return try OrderDraft(currency: currency, lines: try Self.drafts(lines))
    }

    static func drafts(_ lines: [Line]) throws(Refusal) -> [OrderLineDraft] {
        var drafts: [OrderLineDraft] = []
        for (index, line) in lines.enumerated() { drafts.append(try line.draft(path: "lines[\(index)]")) }
        return drafts
    }

    /// - Returns: nil for `auto`.
    func requestedShape() throws(Refusal) -> ChargeShape? {
        guard let chargeShape, chargeShape != "auto" else { return nil }
        guard let shape = ChargeShape(rawValue: chargeShape) else {
            throw Refusal(
                .parameterInvalid, "charge_shape is 'auto', 'destination', 'separate' or 'direct'.",
                parameter: "charge_shape")
        }
        return shape
    }

    func requestedRelease() throws(Refusal) -> ChargeShape.Release {
        guard let release else { return .onPayment }
        if release.on != .delay, release.days != nil {
            throw Refusal(.parameterInvalid, "days belongs to a release on delay.", parameter: "release.days")
        }
        switch release.on {
        case .payment: return .onPayment
        case .fulfilment: return .onFulfilment
        case .delay:
            guard let days = release.days, (1...90).contains(days) else {
                throw Refusal(
                    .parameterInvalid, "A delayed release takes 1 to 90 days.", parameter: "release.days")
            }
            return .afterDays(days)
        }
    }

    /// Refuses texts that Stripe would not take, before anything is written.
    func checkTexts(livemode: Bool) throws(Refusal) {
        if let externalID { try PlainText.check(externalID, 1...255, parameter: "external_id") }
        if let id = buyer?.externalID { try PlainText.check(id, 1...255, parameter: "buyer.external_id") }
        if let email = buyer?.email { try Self.check(email: email) }
        if let successURL { _ = try BrowserURL(successURL, requiresHTTPS: livemode, parameter: "success_url") }
        if let cancelURL { _ = try BrowserURL(cancelURL, requiresHTTPS: livemode, parameter: "cancel_url") }
        for (index, line) in lines.enumerated() {
            if let category = line.category {
                try PlainText.check(category, 1...100, parameter: "lines[\(index)].category")
            }
        }
    }

    private static func check(email: String) throws(Refusal) {
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[1].contains("."), !parts[1].hasPrefix("."),
            !parts[1].hasSuffix("."), email.utf8.count <= 254,
            email.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F })
        else {
            throw Refusal(.parameterInvalid, "This is not an email address.", parameter: "buyer.email")
        }
    }
}

extension PlaceOrderBody.Line {
    fileprivate func draft(path: String) throws(Refusal) -> OrderLineDraft {
        try OrderLineDraft(
            kind: OrderLine.Kind(rawValue: (type ?? .item).rawValue) ?? .item, seller: seller,
            description: description ?? (type ?? .item).title,
            unitAmount: unitAmount, quantity: quantity ?? 1, category: category,
            fundedBy: fundedBy.flatMap { OrderLine.Funder(rawValue: $0.rawValue) }, feeApplies: feeApplies, path: path)
    }
}
