package import Store
package import StripeAPI

extension OperationRequest {
    /// The bytes of a call, to be written down before they are sent.
    package init(_ request: StripeRequest) {
        self.init(
            method: request.method.rawValue, path: request.path, account: request.account,
            stripeVersion: request.version, body: request.body)
    }
}
