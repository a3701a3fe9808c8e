/// The platform: the account that every key belongs to, made with a new state.
enum Platform {
    static func found(_ turn: Turn) {
        let world = turn.world
        world.platform = turn.newID("acct", length: 16).replacing("acct_", with: "acct_1")
        world.application = turn.newID("ca", length: 32)
        var account = AccountObject.fresh(
            id: world.platform, turn, country: "US", type: "standard", email: "platform@example.com")
        account["charges_enabled"] = true
        account["payouts_enabled"] = true
        account["details_submitted"] = true
        account["business_type"] = "company"
        account["capabilities"] = ["card_payments": "active", "transfers": "active"]
        account["requirements"] = AccountRequirements.none
        account["controller"] = ["type": "account"]
        _ = turn.insert("account", account, in: world.platform)
        _ = ExternalAccounts.attach(
            ExternalAccounts.bankAccount(
                turn, country: "US", currency: "usd", routing: "110000000", number: "000123456789", holder: nil,
                holderType: nil), to: world.platform, makeDefault: true, turn)
    }
}
