/// The sandbox's own accounting, added up anew from the rows of every account.
enum Books {
    static func json(_ world: World) -> JSONValue {
        var accounts: [JSONValue] = []
        let connected = world.all(account: world.platform, type: "account").compactMap { $0.value["id"].string }
        for account in connected {
            var currencies: [String: (available: Int64, pending: Int64, fees: Int64, rows: Int64)] = [:]
            for row in world.all(account: account, type: "balance_transaction") {
                guard let currency = row.value["currency"].string, let net = row.value["net"].int else { continue }
                var sum = currencies[currency] ?? (0, 0, 0, 0)
                if row.value["status"] == "available" { sum.available += net } else { sum.pending += net }
                sum.fees += row.value["fee"].int ?? 0
                sum.rows += 1
                currencies[currency] = sum
            }
            var balances = JSONObject()
            for (currency, sum) in currencies.sorted(by: { $0.key < $1.key }) {
                balances[currency] = [
                    "available": .int(sum.available), "pending": .int(sum.pending),
                    "total": .int(sum.available + sum.pending), "fees": .int(sum.fees), "rows": .int(sum.rows),
                ]
            }
            accounts.append([
                "account": .string(account), "is_platform": .bool(account == world.platform),
                "balances": .object(balances),
            ])
        }
        return ["accounts": .array(accounts)]
    }
}
