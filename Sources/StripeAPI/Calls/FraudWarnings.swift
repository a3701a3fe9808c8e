package import Domain

package struct RetrieveFraudWarning: StripeCall {
    package typealias Answer = FraudWarningResource

    package var id: StripeFraudWarningID

    package init(_ id: StripeFraudWarningID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/radar/early_fraud_warnings/\(id)") }
}
