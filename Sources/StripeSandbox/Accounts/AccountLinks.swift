/// `/v1/account_links` and login links: the doors to the pages of a seller.
enum AccountLinks {
    static let create: Route.Answer = { turn throws(StripeFailure) in
        let id = try turn.required("account")
        guard let account = turn.find("account", id), id != turn.world.platform, account["_deauthorized"] != true else {
            throw .missingReference("account", id, param: "account")
        }
        let type = try turn.required("type")
        let byStripe = account["controller"]["requirement_collection"] == "stripe"
        if type == "account_update", byStripe {
            throw .parameter(
                nil, "type",
                "You cannot create `account_update` type Account Links for accounts whose requirements Stripe collects. "
                    + "Please use `account_onboarding`.")
        }
        for key in ["refresh_url", "return_url"] {
            let url = turn.string(key) ?? ""
            guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
                throw turn.has(key)
                    ? .parameter("url_invalid", key, "Not a valid URL")
                    : .parameter("parameter_missing", key, "Missing required param: \(key).")
            }
        }
        let token = turn.random(20)
        let fields = turn.params["collection_options"]?["fields"].string ?? turn.string("collect") ?? "currently_due"
        let expires = turn.now + turn.behaviour.accountLinkSeconds
        _ = turn.insert(
            "_account_link",
            [
                "id": .string("link_" + token), "account": .string(id),
                "refresh_url": turn.params["refresh_url"] ?? .null,
                "return_url": turn.params["return_url"] ?? .null, "expires_at": .int(expires),
                "fields": .string(fields), "state": "new",
            ])
        turn.update(id) { $0["_linked"] = true }
        return [
            "object": "account_link", "created": .int(turn.now), "expires_at": .int(expires),
            "url": .string("\(turn.address)/setup/\(id)/\(token)"),
        ]
    }

    static let login: Route.Answer = { turn throws(StripeFailure) in
        let id = try Accounts.account(turn)
        let account = turn.current(id)
        guard account["controller"]["stripe_dashboard"]["type"] == "express" else {
            throw .state(
                nil, "Login links can only be created for accounts with an Express Dashboard; '\(id)' has none.")
        }
        guard account["details_submitted"] == true else {
            throw .state(
                nil, "Cannot create a login link for an account that has not completed onboarding.")
        }
        let token = turn.random(20)
        _ = turn.insert(
            "_login_link",
            ["id": .string("login_" + token), "account": .string(id), "state": "new"])
        return [
            "object": "login_link", "created": .int(turn.now), "url": .string("\(turn.address)/express/\(id)/\(token)"),
        ]
    }
}
