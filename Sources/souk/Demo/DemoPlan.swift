/// Who sells what under which fees, and what becomes of forty orders. The same each time; only ids differ.
enum DemoPlan {
    struct SellerPlan: Sendable {
        let key: String
        let name: String
        let country: String
        /// What the seller's bank account holds, and so what buyers are charged in.
        let currency: String
        let finishesOnboarding: Bool
    }

    static let sellers = [
        SellerPlan(key: "oak", name: "Oak & Iron", country: "US", currency: "usd", finishesOnboarding: true),
        SellerPlan(key: "lindner", name: "Lindner Keramik", country: "DE", currency: "eur", finishesOnboarding: true),
        SellerPlan(key: "harbour", name: "Harbour Prints", country: "GB", currency: "gbp", finishesOnboarding: false),
    ]

    struct FeePlan: Sendable {
        enum Scope: Sendable, Hashable {
            case everyone
            case seller(key: String)
            case category(String)
        }

        let scope: Scope
        let currency: String
        let percentBPS: Int64
        var fixed: Int64 = 0
        var minimum: Int64 = 0

        /// The percentage rounded half up, plus the fixed part, at least the minimum, at most the whole amount.
        func fee(on amount: Int64) -> Int64 {
            min(max((amount * percentBPS + 5_000) / 10_000 + fixed, minimum), amount)
        }

        /// `by default: 12 % + 0.30, at least 1.00 usd`
        var description: String {
            let whom =
                switch scope {
                case .everyone: "by default"
                case .seller(let key): "of \(DemoPlan.sellers.first { $0.key == key }?.name ?? key)"
                case .category(let category): "for \(category)"
                }
            var parts = "\(AmountText.percent(percentBPS)) %"
            if fixed > 0 { parts += " + \(AmountText.of(fixed, in: currency))" }
            if minimum > 0 { parts += ", at least \(AmountText.of(minimum, in: currency))" }
            return "\(whom): \(parts) \(currency)"
        }
    }

    static let fees = [
        FeePlan(scope: .everyone, currency: "usd", percentBPS: 1_200, fixed: 30, minimum: 100),
        FeePlan(scope: .category("books"), currency: "usd", percentBPS: 800, minimum: 50),
        FeePlan(scope: .seller(key: "lindner"), currency: "eur", percentBPS: 1_050, fixed: 25),
    ]

    /// A seller's own policy goes before the category's, and that before the default.
    static func fee(on item: Item, quantity: Int64, soldBy seller: SellerPlan) -> Int64 {
        let inOrder: [FeePlan.Scope] = [.seller(key: seller.key), .category(item.category), .everyone]
        let plan = inOrder.lazy.compactMap { scope in
            fees.first { $0.scope == scope && $0.currency == seller.currency }
        }.first
        return plan?.fee(on: item.price * quantity) ?? 0
    }

    struct Item: Sendable {
        let name: String
        /// In minor units of the seller's currency.
        let price: Int64
        let category: String
    }

    static let goods: [String: [Item]] = [
        "oak": [
            Item(name: "Oak side table", price: 18_900, category: "furniture"),
            Item(name: "Forged candle holder", price: 450, category: "lighting"),
            Item(name: "Joinery by Hand (book)", price: 2_495, category: "books"),
            Item(name: "Three-legged stool", price: 7_999, category: "furniture"),
            Item(name: "Iron floor lamp", price: 12_650, category: "lighting"),
        ],
        "lindner": [
            Item(name: "Teekanne", price: 7_450, category: "kitchen"),
            Item(name: "Schale, blau", price: 1_890, category: "kitchen"),
            Item(name: "Bodenvase", price: 12_905, category: "home"),
        ],
        "harbour": [Item(name: "Linocut of the harbour", price: 4_500, category: "art")],
    ]

    struct OrderPlan: Sendable {
        struct Line: Sendable {
            let item: Item
            let quantity: Int64
        }

        let number: Int
        let seller: SellerPlan
        let lines: [Line]
        let payment: Payment
        let story: Story

        var amount: Int64 { lines.reduce(0) { $0 + $1.item.price * $1.quantity } }
        var fee: Int64 {
            lines.reduce(0) { $0 + DemoPlan.fee(on: $1.item, quantity: $1.quantity, soldBy: seller) }
        }
    }

    enum Payment: String, Sendable {
        case checkout
        case paymentIntent = "payment_intent"
    }

    /// Forty orders of one seller each, every fifth with a second kind of goods, two of three through Checkout.
    static let orders: [OrderPlan] = {
        let open = sellers.filter(\.finishesOnboarding)
        let stories = Story.all.flatMap { story, count in Array(repeating: story, count: count) }
        return stories.enumerated().map { index, story in
            let seller = index % 5 < 3 ? open[0] : open[1]
            let shelf = goods[seller.key] ?? []
            var lines = [OrderPlan.Line(item: shelf[index % shelf.count], quantity: Int64(1 + index % 3 / 2))]
            if index % 5 == 0 { lines.append(OrderPlan.Line(item: shelf[(index + 2) % shelf.count], quantity: 1)) }
            return OrderPlan(
                number: index + 1, seller: seller, lines: lines,
                payment: story.payment ?? (index % 3 == 2 ? .paymentIntent : .checkout), story: story)
        }
    }()
}
