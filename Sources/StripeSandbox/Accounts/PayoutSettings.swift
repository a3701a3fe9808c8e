/// `settings` of an account: payout schedule, descriptors, colours.
enum PayoutSettings {
    static let days = ["monday", "tuesday", "wednesday", "thursday", "friday"]

    static func take(_ settings: JSONValue, into account: inout JSONValue) throws(StripeFailure) {
        for (group, values) in settings.object?.pairs ?? JSONObject().pairs {
            for (key, value) in values.object?.pairs ?? JSONObject().pairs {
                if group == "payouts", key == "schedule" {
                    account["settings"]["payouts"]["schedule"] = try schedule(
                        value, old: account["settings"]["payouts"]["schedule"], param: "settings[payouts][schedule]")
                } else {
                    account["settings"][group][key] = value
                }
            }
        }
    }

    /// A schedule after a change, with exactly the anchors that its interval has.
    static func schedule(_ wish: JSONValue, old: JSONValue, param: String) throws(StripeFailure) -> JSONValue {
        let interval = wish["interval"].string ?? old["interval"].string ?? "daily"
        var schedule: JSONObject = ["delay_days": old["delay_days"], "interval": .string(interval)]
        switch wish["delay_days"] {
        case .int(let days):
            guard (2...31).contains(days) else {
                throw .parameter(nil, "\(param)[delay_days]", "delay_days must be between 2 and 31, or 'minimum'.")
            }
            schedule["delay_days"] = .int(days)
        case "minimum": schedule["delay_days"] = 2
        default: break
        }
        switch interval {
        case "weekly":
            let anchor =
                wish["weekly_anchor"].string ?? wish["weekly_payout_days"].array?.first?.string
                ?? old["weekly_anchor"].string ?? "monday"
            guard days.contains(anchor) else {
                throw .parameter(nil, "\(param)[weekly_anchor]", "Payouts are made from monday to friday.")
            }
            schedule["weekly_anchor"] = .string(anchor)
            schedule["weekly_payout_days"] = wish["weekly_payout_days"].array.map(JSONValue.array) ?? .list([anchor])
        case "monthly":
            let anchor =
                wish["monthly_anchor"].int ?? wish["monthly_payout_days"].array?.first?.int
                ?? old["monthly_anchor"].int ?? 1
            guard (1...31).contains(anchor) else {
                throw .parameter(nil, "\(param)[monthly_anchor]", "monthly_anchor must be between 1 and 31.")
            }
            schedule["monthly_anchor"] = .int(anchor)
            schedule["monthly_payout_days"] = wish["monthly_payout_days"].array.map(JSONValue.array) ?? [.int(anchor)]
        default: break
        }
        return .object(schedule)
    }
}
