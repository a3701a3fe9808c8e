package import Domain

/// Has Stripe send events. The answer is the only one that holds the secret.
package struct CreateWebhookEndpoint: StripeCall {
    package typealias Answer = WebhookEndpointResource

    package var url: String
    package var enabledEvents: [String]
    /// True: the events of connected accounts instead of the platform's own.
    package var connect: Bool?
    package var apiVersion: String?
    package var description: String?
    package var metadata: [String: String]

    package init(
        url: String,
        enabledEvents: [String],
        connect: Bool? = nil,
        apiVersion: String? = StripeAPIVersion.pinned,
        description: String? = nil,
        metadata: [String: String] = [:]
    ) {
        self.url = url
        self.enabledEvents = enabledEvents
        self.connect = connect
        self.apiVersion = apiVersion
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("url", url)
        form.set("enabled_events", list: enabledEvents)
        form.set("connect", connect)
        form.set("api_version", apiVersion)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/webhook_endpoints", form: form)
    }
}

package struct RetrieveWebhookEndpoint: StripeCall {
    package typealias Answer = WebhookEndpointResource

    package var id: StripeWebhookEndpointID

    package init(_ id: StripeWebhookEndpointID) {
        self.id = id
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/webhook_endpoints/\(id)") }
}

package struct UpdateWebhookEndpoint: StripeCall {
    package typealias Answer = WebhookEndpointResource

    package var id: StripeWebhookEndpointID
    package var url: String?
    package var enabledEvents: [String]?
    package var disabled: Bool?
    package var description: String?
    package var metadata: [String: String]

    package init(
        _ id: StripeWebhookEndpointID,
        url: String? = nil,
        enabledEvents: [String]? = nil,
        disabled: Bool? = nil,
        description: String? = nil,
        metadata: [String: String] = [:]
    ) {
        self.id = id
        self.url = url
        self.enabledEvents = enabledEvents
        self.disabled = disabled
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("url", url)
        form.set("enabled_events", list: enabledEvents)
        form.set("disabled", disabled)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/webhook_endpoints/\(id)", form: form)
    }
}

package struct DeleteWebhookEndpoint: StripeCall {
    package typealias Answer = DeletedResource

    package var id: StripeWebhookEndpointID

    package init(_ id: StripeWebhookEndpointID) {
        self.id = id
    }

    package var request: StripeRequest { StripeRequest(.delete, "/v1/webhook_endpoints/\(id)") }
}

package struct ListWebhookEndpoints: StripeListCall {
    package typealias Element = WebhookEndpointResource

    package var page: StripePage

    package init(page: StripePage = StripePage()) {
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/webhook_endpoints", form: form)
    }
}
