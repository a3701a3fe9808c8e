package import Domain
package import Store
package import StripeAPI
package import Web

/// Everything of this module that the composition root needs. The operation engine is made from all features' handlers,
/// so the handlers come first.
package struct OrdersFeature: Sendable {
    package let refresh: RefreshOrderPayment
    package let refreshDispute: RefreshDispute
    package let refreshFraudWarning: RefreshFraudWarning
    private let disputes: DisputeRoutes
    private let fraudWarnings: FraudWarningRoutes
    private let orders: OrderRoutes
    private let refunds: RefundRoutes
    private let reversals: ReversalRoutes
    private let policies: FeePolicyRoutes
    private let netting: NettingRoutes
    private let reserves: ReserveRoutes

    /// For `OperationEngine`.
    package static func handlers(stripe: StripeClient) -> [any OperationHandler] {
        [
            FinishSessionCreation(stripe: stripe), FinishIntentCreation(stripe: stripe),
            FinishSessionExpiry(stripe: stripe), FinishIntentCancellation(stripe: stripe),
            FinishCapture(stripe: stripe), FinishRefund(stripe: stripe), FinishFeeRefund(stripe: stripe),
            FinishReversal(stripe: stripe), FinishTransfer(stripe: stripe),
        ] + FinishDisputeAnswer.all(stripe: stripe)
    }

    /// `publicURL` is how browsers reach Souk, without a slash at the end; `fraudWarnings` is what is done about those that
    /// become known from now on.
    package init(
        store: Store, engine: OperationEngine, copies: ObjectCopies, stripe: StripeClient, publicURL: String,
        fraudWarnings policy: FraudWarningPolicy
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
            resumePayment: ResumePayment(store: store, engine: engine, refresh: refresh, requests: requests),
            releaseOrder: ReleaseOrder(store: store))
        refunds = RefundRoutes(
            store: store, refundOrder: RefundOrder(store: store, engine: engine),
            previewRefund: PreviewRefund(store: store), settleRefund: SettleRefund(store: store))
        reversals = ReversalRoutes(reverseTransfer: ReverseTransfer(store: store, engine: engine))
        refreshDispute = RefreshDispute(store: store, copies: copies, stripe: stripe, payments: refresh)
        disputes = DisputeRoutes(store: store, answer: AnswerDispute(store: store, engine: engine))
        refreshFraudWarning = RefreshFraudWarning(
            store: store, copies: copies, stripe: stripe, payments: refresh, policy: policy)
        fraudWarnings = FraudWarningRoutes(store: store, release: ReleaseFraudHold(store: store))
        policies = FeePolicyRoutes(store: store, livemode: livemode)
        netting = NettingRoutes(store: store)
        reserves = ReserveRoutes(store: store)
    }

    package func register(on api: APIRoutes) {
        orders.register(on: api)
        refunds.register(on: api)
        reversals.register(on: api)
        disputes.register(on: api)
        fraudWarnings.register(on: api)
        policies.register(on: api)
        netting.register(on: api)
        reserves.register(on: api)
    }
}
