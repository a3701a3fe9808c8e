/// The business party that sells: has at most one current connected account at Stripe.
package enum Seller: Identified { package static let idPrefix = "sel" }
package enum Order: Identified { package static let idPrefix = "ord" }
package enum Refund: Identified { package static let idPrefix = "ref" }
package enum Transfer: Identified { package static let idPrefix = "trf" }
package enum TransferReversal: Identified { package static let idPrefix = "rev" }
package enum FeeRefund: Identified { package static let idPrefix = "fre" }
package enum Payout: Identified { package static let idPrefix = "pay" }
package enum Dispute: Identified { package static let idPrefix = "dis" }
package enum FraudWarning: Identified { package static let idPrefix = "frw" }
package enum Operation: Identified { package static let idPrefix = "opn" }
package enum JournalEntryRow: Identified { package static let idPrefix = "jen" }
package enum OutboxEvent: Identified { package static let idPrefix = "evt" }
package enum EventDestination: Identified { package static let idPrefix = "edt" }
package enum EventDelivery: Identified { package static let idPrefix = "edl" }
package enum APIKey: Identified { package static let idPrefix = "key" }
package enum AuditRow: Identified { package static let idPrefix = "aud" }
package enum CommissionInvoice: Identified { package static let idPrefix = "cin" }
package enum Reconciliation: Identified { package static let idPrefix = "rec" }
package enum Finding: Identified { package static let idPrefix = "fnd" }
package enum MoneyOutLimitRow: Identified { package static let idPrefix = "lim" }
package enum Adjustment: Identified { package static let idPrefix = "adj" }
package enum RequestTrace: Identified { package static let idPrefix = "req" }

/// Stripe's objects, as the types of their ids: `StripeID<StripeAccount>`.
package enum StripeAccount {}
package enum StripePaymentIntent {}
package enum StripeCheckoutSession {}
package enum StripeCharge {}
package enum StripeRefund {}
package enum StripeTransfer {}
package enum StripeTransferReversal {}
package enum StripeApplicationFee {}
package enum StripeFeeRefund {}
package enum StripePayout {}
package enum StripeDispute {}
package enum StripeFraudWarning {}
package enum StripeBalanceTransaction {}
package enum StripeEvent {}
package enum StripeCustomer {}
package enum StripeWebhookEndpoint {}
package enum StripeExternalAccount {}

package typealias StripeAccountID = StripeID<StripeAccount>
package typealias StripeChargeID = StripeID<StripeCharge>
package typealias StripeTransferID = StripeID<StripeTransfer>
package typealias StripePayoutID = StripeID<StripePayout>
package typealias StripePaymentIntentID = StripeID<StripePaymentIntent>
package typealias StripeCheckoutSessionID = StripeID<StripeCheckoutSession>
package typealias StripeRefundID = StripeID<StripeRefund>
package typealias StripeDisputeID = StripeID<StripeDispute>
package typealias StripeFraudWarningID = StripeID<StripeFraudWarning>
package typealias StripeApplicationFeeID = StripeID<StripeApplicationFee>
package typealias StripeBalanceTransactionID = StripeID<StripeBalanceTransaction>
package typealias StripeEventID = StripeID<StripeEvent>
package typealias StripeCustomerID = StripeID<StripeCustomer>
package typealias StripeTransferReversalID = StripeID<StripeTransferReversal>
package typealias StripeFeeRefundID = StripeID<StripeFeeRefund>
package typealias StripeWebhookEndpointID = StripeID<StripeWebhookEndpoint>
