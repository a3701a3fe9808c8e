package import Domain

/// Has Stripe send events. The answer is the only one that holds the secret.
package struct CreateWebhookEndpoint: StripeCall {
    package typealias Answer = WebhookEndpointResource

    package var url: String
    package var enabledEvents: [String]
    /// True: the events of connected accounts instead of the platform's own.
    package var connect: Bool
    package var description: String

    package init(url: String, enabledEvents: [String], connect: Bool, description: String) {
        self.url = url
        self.enabledEvents = enabledEvents
        self.connect = connect
        self.description = description
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("url", url)
        form.set("enabled_events", list: enabledEvents)
        form.set("connect", connect)
        form.set("api_version", StripeAPIVersion.pinned)
        form.set("description", description)
        return StripeRequest(.post, "/v1/webhook_endpoints", form: form)
    }
}

package struct UpdateWebhookEndpoint: StripeCall {
    package typealias Answer = WebhookEndpointResource

    package var id: StripeWebhookEndpointID
    package var enabledEvents: [String]
    package var disabled: Bool

    package init(_ id: StripeWebhookEndpointID, enabledEvents: [String], disabled: Bool) {
        self.id = id
        self.enabledEvents = enabledEvents
        self.disabled = disabled
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("enabled_events", list: enabledEvents)
        form.set("disabled", disabled)
        return StripeRequest(.post, "/v1/webhook_endpoints/\(id)", form: form)
    }
}

package struct DeleteWebhookEndpoint: StripeCall {
    package typealias Answer = DeletedResource

    package var id: StripeWebhookEndpointID

    package init(_ id: StripeWebhookEndpointID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.delete, "/v1/webhook_endpoints/\(id)") }
}

package struct ListWebhookEndpoints: StripeListCall {
    package typealias Element = WebhookEndpointResource

    package var page: StripePage

    package init(page: StripePage = StripePage()) { self.page = page }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/webhook_endpoints", form: form)
    }
}
