import Domain

/// What a marketplace tells the bank about a disputed sale, under Stripe's names.
struct DisputeEvidence: Hashable, Sendable, Decodable {
    let values: [String: String]

    /// Stripe counts all texts together.
    static let maximumLength = 150_000

    static let texts: Set<String> = [
        "access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
        "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
        "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
        "service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
        "uncategorized_text",
    ]
    /// Ids of files that were uploaded to Stripe for this purpose.
    static let files: Set<String> = [
        "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation",
        "receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
    ]

    init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([String: String].self))
    }

    /// - Throws: `parameter_unknown`, `parameter_missing` for none at all, `parameter_invalid`.
    init(_ values: [String: String]) throws(Refusal) {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            guard Self.texts.contains(name) || Self.files.contains(name) else {
                throw Refusal(
                    .parameterUnknown,
                    "Evidence has no field '\(name)'. The fields are Stripe's; the API reference lists them.",
                    parameter: name)
            }
            if Self.files.contains(name), !value.isEmpty, !value.hasPrefix("file_") {
                throw Refusal(
                    .parameterInvalid, "\(name) is the id of a file at Stripe, such as file_…, not its content.",
                    parameter: name)
            }
        }
        guard !values.isEmpty else {
            throw Refusal(
                .parameterMissing,
                "Give at least one field of evidence. GET the dispute for a draft made from its order.",
                parameter: "product_description")
        }
        let length = values.filter { Self.texts.contains($0.key) }.reduce(0) { $0 + $1.value.unicodeScalars.count }
        guard length <= Self.maximumLength else {
            throw Refusal(
                .parameterInvalid,
                "Stripe takes at most \(Self.maximumLength) characters of evidence; these are \(length).",
                parameter: "uncategorized_text")
        }
        self.values = values
    }
}

/// What the order itself can tell the bank; the marketplace adds how it was delivered.
struct EvidenceDraft: Encodable, Sendable {
    let customerEmailAddress: String?
    let productDescription: String
    let uncategorizedText: String

    init(of order: OrderRecord) {
        customerEmailAddress = order.buyerEmail
        productDescription = order.lines.filter { $0.kind != .discount }
            .map { $0.quantity == 1 ? $0.description : "\($0.quantity) × \($0.description)" }
            .joined(separator: "\n")
        uncategorizedText =
            "Order \(order.externalID ?? order.id.rawValue) over \(order.amountCaptured) was paid by the buyer through Stripe."
    }
}
