/// The version of Stripe's API that every request names and that all types here describe.
package enum StripeAPIVersion {
    package static let pinned = "2026-10-28.endive"
}
