package import Domain

package struct RetrieveDispute: StripeCall {
    package typealias Answer = DisputeResource

    package var id: StripeDisputeID

    package init(_ id: StripeDisputeID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/disputes/\(id)") }
}

/// Puts evidence beside a dispute, or sends what is there to the bank, which Stripe takes once.
package struct UpdateDispute: StripeCall {
    package typealias Answer = DisputeResource

    package var id: StripeDisputeID
    /// Stripe's names: `product_description`, `customer_name`, …
    package var evidence: [String: String]
    /// Stripe would submit unless it is told not to.
    package var submit: Bool

    package init(_ id: StripeDisputeID, evidence: [String: String] = [:], submit: Bool) {
        self.id = id
        self.evidence = evidence
        self.submit = submit
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("evidence", metadata: evidence)
        form.set("submit", submit)
        return StripeRequest(.post, "/v1/disputes/\(id)", form: form)
    }
}

/// Accepts a dispute: it is lost at once, and for good.
package struct CloseDispute: StripeCall {
    package typealias Answer = DisputeResource

    package var id: StripeDisputeID

    package init(_ id: StripeDisputeID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.post, "/v1/disputes/\(id)/close") }
}
