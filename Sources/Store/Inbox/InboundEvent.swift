package import Domain

/// What Stripe told us, as use cases see it: a hint that an object changed, with the envelope that said so.
///
/// Deliveries come late, doubled and in any order, so a use case fetches the object before it believes anything here.
/// Where Stripe can no longer be asked (the account is gone, the object has no id) the verified body is the truth.
package struct InboundEvent: Sendable {
    package let id: StripeEventID
    package let type: String
    /// The connected account whose event it is; nil for the platform's own.
    package let account: StripeAccountID?
    /// Nil for objects without one, such as the invoice of `invoice.upcoming`.
    package let objectID: String?
    /// Stripe's `object` of the object, such as `charge`.
    package let objectType: String?
    /// Stripe's time of the event, in whole seconds: not an ordering key.
    package let created: Timestamp
    package let livemode: Bool
    /// The version in which the body was rendered, fixed by the endpoint.
    package let apiVersion: String?
    /// The key of the request that caused it; nil when Stripe acted by itself.
    package let idempotencyKey: String?
    /// The bytes that were signed.
    package var body: [UInt8]

    package init(
        id: StripeEventID, type: String, account: StripeAccountID?, objectID: String?, objectType: String?,
        created: Timestamp, livemode: Bool, apiVersion: String?, idempotencyKey: String?, body: [UInt8]
    ) {
        self.id = id
        self.type = type
        self.account = account
        self.objectID = objectID
        self.objectType = objectType
        self.created = created
        self.livemode = livemode
        self.apiVersion = apiVersion
        self.idempotencyKey = idempotencyKey
        self.body = body
    }

    /// Events with the same key are about the same object and are handled one at a time.
    package var objectKey: String {
        guard let objectID else { return id.rawValue }
        return "\(account?.rawValue ?? "")/\(objectID)"
    }
}

/// Which of Souk's two addresses an event came to, or would have come to.
package enum InboxEndpoint: String, Sendable, CaseIterable {
    /// The platform's own events.
    case platform
    /// Events of connected accounts.
    case connect
}

/// An event on its way into the inbox.
package struct InboxArrival: Sendable {
    package enum Source: String, Sendable {
        /// Pushed by Stripe.
        case delivery
        /// Found in Stripe's list because no delivery had come.
        case sweep
    }

    package let event: InboundEvent
    package let endpoint: InboxEndpoint
    package let source: Source
    /// What becomes of it: only `.waiting` events are handled.
    package let state: InboxState

    package init(event: InboundEvent, endpoint: InboxEndpoint, source: Source, state: InboxState) {
        self.event = event
        self.endpoint = endpoint
        self.source = source
        self.state = state
    }
}

package enum InboxState: String, Sendable, CaseIterable {
    case waiting
    case done
    /// Every attempt failed: an operator replays or dismisses it.
    case parked
    case dismissed
    /// Of a type that no use case takes.
    case unhandled
    /// Live in a test deployment, or the reverse: kept, and without any effect.
    case wrongMode = "wrong_mode"
}

/// What became of an arrival, now that it is committed.
package struct InboxReceipt: Sendable, Hashable {
    /// False if the event was there already.
    package let isNew: Bool
    /// How the event first came.
    package let firstSource: InboxArrival.Source

    package init(isNew: Bool, firstSource: InboxArrival.Source) {
        self.isNew = isNew
        self.firstSource = firstSource
    }
}
