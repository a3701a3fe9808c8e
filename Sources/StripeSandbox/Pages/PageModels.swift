/// What the templates show. Plain values: Mustache reads their members.
struct PageFrame {
    let title: String
    let body: String
}

struct NoticePage {
    struct Link {
        let label: String
        let url: String
    }

    let title: String
    let text: String
    var link: Link?
}

struct OnboardingPage {
    let account: String
    let platform: String
    let action: String
    let heading: String
    let lead: String
    let submit: String
    let isDone: Bool
    let sections: [OnboardingForm.Section]
    let problems: FormProblems?
}

struct CheckoutPage {
    struct Item {
        let name: String
        /// What the shop says of it.
        let about: String?
        /// How many, at which price; nil for one piece.
        let detail: String?
        let amount: String
    }

    struct Card {
        let number: String
        let outcome: String
    }

    let shop: String
    let total: String
    let items: [Item]
    /// The card is only authorized now.
    let isHeld: Bool
    let action: String
    let cancelURL: String?
    let fields: [FormField]
    let problems: FormProblems?
    /// What the bank said to the last try.
    let decline: String?
    let cards = [
        Card(number: "4242 4242 4242 4242", outcome: "pays"),
        Card(number: "4000 0027 6000 3184", outcome: "asks for 3-D Secure"),
        Card(number: "4000 0000 0000 0002", outcome: "is declined"),
        Card(number: "4000 0000 0000 9995", outcome: "has insufficient funds"),
    ]
}

struct AuthenticatePage {
    let shop: String
    let total: String
    let card: String?
    let action: String
}

struct ExpressPage {
    struct Balance {
        let available: String
        let pending: String
    }

    struct Line {
        let date: String
        let status: String
        /// `good`, `bad`, or nothing while it is open.
        let tone: String
        let amount: String
    }

    let platform: String
    let account: String
    let balances: [Balance]
    let payouts: [Line]
    let payments: [Line]
    let hasPayouts: Bool
    let hasPayments: Bool
}
