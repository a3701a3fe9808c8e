package import Domain

/// What an operation does at Stripe: `create_account`, `create_checkout_session`, … Each feature names its own.
package struct OperationKind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }
}

package enum OperationState: String, Hashable, Sendable, CaseIterable {
    /// Its request is written down and may be sent.
    case pending
    /// It waits for something, and its request is not computed yet.
    case held
    /// It was sent at least once and its end is not known.
    case sent
    case succeeded
    case failed
    /// A person must look at it: nothing that Souk could do by itself is safe.
    case needsReview = "needs_review"

    package var isFinal: Bool { self == .succeeded || self == .failed }
}

/// The exact request, stored so that a later build repeats the same bytes.
package struct OperationRequest: Hashable, Sendable {
    package let method: String
    /// With its leading slash: `/v1/transfers`.
    package let path: String
    /// The connected account that the call acts as; nil for the platform.
    package let account: StripeAccountID?
    package let stripeVersion: String
    /// Form-encoded.
    package let body: [UInt8]

    package init(
        method: String = "POST", path: String, account: StripeAccountID? = nil, stripeVersion: String, body: [UInt8]
    ) {
        self.method = method
        self.path = path
        self.account = account
        self.stripeVersion = stripeVersion
        self.body = body
    }
}

/// A mutating call to Stripe as it stands in `stripe_operations`.
package struct OperationRecord: Sendable {
    package let id: ID<Operation>
    package let kind: OperationKind
    /// The id of our object that the call is for.
    package let subject: String
    package let state: OperationState
    /// Why it is held, failed or in review.
    package let reason: String?
    package let attempt: Int
    /// Nil while it is held.
    package let request: OperationRequest?
    package let firstSentAt: Timestamp?
    package let lastSentAt: Timestamp?
    package let sends: Int
    /// Since when its effect is being looked up instead of sent again.
    package let lookUpSince: Timestamp?
    package let dueAt: Timestamp
    /// Stripe's id of what it made or changed, once it succeeded.
    package let stripeID: String?
    package let createdAt: Timestamp
    /// The API key on whose behalf it is made; nil for what Souk does by its rules and for the shell.
    package let askedBy: ID<APIKey>?
    let leaseNumber: Int64

    /// Whether it has not ended and waits for no person.
    var isUnderWay: Bool { state == .pending || state == .sent || state == .held }

    /// The same for every send of one attempt; never made from a clock.
    package var idempotencyKey: String { "souk_\(id)_\(attempt)" }
}

extension OperationRecord {
    /// A plain value of the stored form. Ids need no decoding: they hold no escaped character.
    package func formValue(of name: String) -> String? {
        guard let request else { return nil }
        for pair in String(decoding: request.body, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0] == name { return String(parts[1]) }
        }
        return nil
    }

    /// The id in the path of a stored request.
    package func target(in prefix: String, before suffix: String = "") -> String? {
        guard let path = request?.path, path.hasPrefix(prefix), path.hasSuffix(suffix) else { return nil }
        let id = path.dropFirst(prefix.count).dropLast(suffix.count)
        return id.isEmpty || id.contains("/") ? nil : String(id)
    }
}

/// An operation to be written down, with the change of ours that asks for it.
package struct NewOperation: Sendable {
    package var kind: OperationKind
    package var subject: String
    /// At most one operation that has not failed may have this key: `create_account:sel_…`.
    package var uniqueKey: String?
    /// Given for an operation that must wait: its request is computed when it leaves `held`.
    package var heldBecause: String?
    /// When a held operation is looked at first; at once if nil.
    package var heldUntil: Timestamp?
    /// The id of our object whose change may let a held operation go sooner.
    package var waitsFor: String?
    /// The API key on whose behalf it is made.
    package var askedBy: ID<APIKey>?
    /// Whether the caller performs it right after the commit; the worker then leaves it alone for a few seconds.
    package var startsInline: Bool

    package init(
        kind: OperationKind, subject: String, uniqueKey: String? = nil, heldBecause: String? = nil,
        heldUntil: Timestamp? = nil, waitsFor: String? = nil, askedBy: ID<APIKey>? = nil, startsInline: Bool = false
    ) {
        self.kind = kind
        self.subject = subject
        self.uniqueKey = uniqueKey
        self.heldBecause = heldBecause
        self.heldUntil = heldUntil
        self.waitsFor = waitsFor
        self.askedBy = askedBy
        self.startsInline = startsInline
    }
}
