package import Domain

package struct RetrieveCharge: StripeCall {
    package typealias Answer = ChargeResource

    package var id: StripeChargeID
    package var account: StripeAccountID?

    package init(_ id: StripeChargeID, account: StripeAccountID? = nil) {
        self.id = id
        self.account = account
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/charges/\(id)", account: account) }
}
