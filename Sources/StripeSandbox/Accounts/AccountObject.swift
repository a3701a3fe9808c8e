/// Builds the account object with every member that Stripe's has.
enum AccountObject {
    static func fresh(id: String, _ turn: Turn, country: String, type: String, email: String?) -> JSONValue {
        [
            "id": .string(id), "object": "account",
            "business_profile": [
                "annual_revenue": .null, "estimated_worker_count": .null, "mcc": .null,
                "minority_owned_business_designation": .null, "name": .null, "product_description": .null,
                "support_address": .null, "support_email": .null, "support_phone": .null, "support_url": .null,
                "url": .null,
            ],
            "business_type": .null, "capabilities": [:], "charges_enabled": false, "controller": [:],
            "country": .string(country), "created": .int(turn.now),
            "default_currency": .string(Country.currencies[country] ?? "usd"), "details_submitted": false,
            "email": .optional(email),
            "external_accounts": Turn.embedded([], url: "/v1/accounts/\(id)/external_accounts", withCount: true),
            "future_requirements": AccountRequirements.none,
            "metadata": [:], "payouts_enabled": false, "requirements": AccountRequirements.none,
            "settings": settings(turn), "tos_acceptance": ["date": .null, "ip": .null, "user_agent": .null],
            "type": .string(type),
            "_provided": [:], "_requested": [:], "_review": "none", "_errors": [], "_extra_due": [],
        ]
    }

    private static func settings(_ turn: Turn) -> JSONValue {
        [
            "bacs_debit_payments": ["display_name": .null, "service_user_number": .null],
            "branding": ["icon": .null, "logo": .null, "primary_color": .null, "secondary_color": .null],
            "card_issuing": ["tos_acceptance": ["date": .null, "ip": .null]],
            "card_payments": [
                "decline_on": ["avs_failure": false, "cvc_failure": false], "statement_descriptor_prefix": .null,
                "statement_descriptor_prefix_kana": .null, "statement_descriptor_prefix_kanji": .null,
            ],
            "dashboard": ["display_name": .null, "timezone": "Etc/UTC"],
            "invoices": ["default_account_tax_ids": .null, "hosted_payment_method_save": "offer"],
            "payments": [
                "statement_descriptor": .null, "statement_descriptor_kana": .null,
                "statement_descriptor_kanji": .null, "statement_descriptor_prefix_kana": .null,
                "statement_descriptor_prefix_kanji": .null,
            ],
            "payouts": [
                "debit_negative_balances": true,
                "schedule": ["delay_days": .int(turn.behaviour.settlementDays), "interval": "daily"],
                "statement_descriptor": .null,
            ],
            "sepa_debit_payments": [:],
        ]
    }

    /// What `controller` shows for an account made with `type` (docs/sandbox.md, "Controller").
    static func controller(ofType type: String) -> JSONValue {
        switch type {
        case "standard": controller(fees: "account", losses: "stripe", collection: "stripe", dashboard: "full")
        case "custom":
            controller(
                fees: "application_custom", losses: "application", collection: "application", dashboard: "none")
        default:
            controller(
                fees: "application_express", losses: "application", collection: "stripe", dashboard: "express")
        }
    }

    static func controller(fees: String, losses: String, collection: String, dashboard: String) -> JSONValue {
        [
            "fees": ["payer": .string(fees)], "is_controller": true, "losses": ["payments": .string(losses)],
            "requirement_collection": .string(collection), "stripe_dashboard": ["type": .string(dashboard)],
            "type": "application",
        ]
    }
}
