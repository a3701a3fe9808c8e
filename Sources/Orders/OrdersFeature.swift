package import Store
package import StripeAPI
package import Web

/// Everything of this module that the composition root needs. The operation engine is made from all features' handlers,
/// so the handlers come first.
package struct OrdersFeature: Sendable {
    package let refresh: RefreshOrderPayment
    private let orders: OrderRoutes
    private let policies: FeePolicyRoutes

    /// For `OperationEngine`.
    package static func handlers(stripe: StripeClient) -> [any OperationHandler] {
        [
            FinishSessionCreation(stripe: stripe), FinishIntentCreation(stripe: stripe),
            FinishSessionExpiry(stripe: stripe), FinishIntentCancellation(stripe: stripe),
            FinishCapture(stripe: stripe), FinishReturn(stripe: stripe),
        ]
    }

    /// `publicURL` is how browsers reach Souk, without a slash at the end.
    package init(
        store: Store, engine: OperationEngine, copies: ObjectCopies, stripe: StripeClient, publicURL: String
    ) {
        let livemode = stripe.isLivemode
        let requests = PayableRequests(publicURL: publicURL)
        refresh = RefreshOrderPayment(store: store, copies: copies, stripe: stripe)
        orders = OrderRoutes(
            store: store,
            placeOrder: PlaceOrder(store: store, engine: engine, requests: requests, livemode: livemode),
            previewOrder: PreviewOrder(store: store, livemode: livemode),
            captureOrder: CaptureOrder(store: store, engine: engine),
            cancelOrder: CancelOrder(store: store, engine: engine, refresh: refresh),
            resumePayment: ResumePayment(store: store, engine: engine, refresh: refresh, requests: requests))
        policies = FeePolicyRoutes(store: store, livemode: livemode)
    }

    package func register(on api: APIRoutes) {
        orders.register(on: api)
        policies.register(on: api)
    }
}
