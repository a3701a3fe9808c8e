/// The HTML of the hosted pages. No script is needed: everything works by links and forms, and by the keyboard alone.
enum PageTemplates {
    static let all: [String: String] = [
        "page": page, "style": PageStyle.css, "onboarding": onboarding, "field": field, "checkout": checkout,
        "authenticate": authenticate, "express": express, "notice": notice, "problems": problems,
    ]

    private static let page = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>{{title}}</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%234f46e5'/%3E%3Cpath d='M4 6h8l-.7 6H4.7zM6 6a2 2 0 0 1 4 0' fill='none' stroke='%23fff' stroke-width='1.4'/%3E%3C/svg%3E">
        <style>{{> style}}</style></head>
        <body><header class="bar"><b>Test mode</b> <span>This is Souk's sandbox: no money moves.</span></header>
        {{{body}}}
        </body></html>
        """

    /// What is wrong with a form, with a link to each place: read out first, since it takes the focus.
    private static let problems = """
        {{#problems}}<div class="problems" role="alert" tabindex="-1" autofocus>
        <h2>{{heading}}</h2>
        <ul>{{#items}}<li><a href="#{{name}}">{{label}}: {{error}}</a></li>{{/items}}</ul></div>{{/problems}}
        """

    private static let field = """
        <div class="field {{width}}">
        {{#isCheckbox}}<div class="check"><input type="checkbox" id="{{name}}" name="{{name}}" value="true"{{#isChecked}} checked{{/isChecked}} aria-required="true"{{#error}} aria-invalid="true" aria-describedby="{{name}}-error"{{/error}}><label for="{{name}}">{{label}}</label></div>{{/isCheckbox}}
        {{^isCheckbox}}<label for="{{name}}">{{label}}{{#isOptional}} <span class="hint">(optional)</span>{{/isOptional}}</label>{{/isCheckbox}}
        {{#choices}}<select id="{{name}}" name="{{name}}" aria-required="true"{{#error}} aria-invalid="true"{{/error}}{{#described}} aria-describedby="{{described}}"{{/described}}>{{#options}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{text}}</option>{{/options}}</select>{{/choices}}
        {{#isText}}<input id="{{name}}" name="{{name}}" type="{{type}}" value="{{value}}"{{#keys}} inputmode="{{keys}}"{{/keys}} autocomplete="{{autocomplete}}"{{#example}} placeholder="{{example}}"{{/example}}{{^isOptional}} aria-required="true"{{/isOptional}}{{#error}} aria-invalid="true"{{/error}}{{#described}} aria-describedby="{{described}}"{{/described}}>{{/isText}}
        {{#error}}<p class="error" id="{{name}}-error">{{error}}</p>{{/error}}
        {{#hint}}<p class="hint" id="{{name}}-hint">{{hint}}</p>{{/hint}}
        </div>
        """

    private static let onboarding = """
        <main class="column">
        <p class="brand">{{platform}} <span>with Stripe</span></p>
        <h1>{{heading}}</h1>
        <p class="lead">{{lead}}</p>
        {{> problems}}
        <form method="post" action="{{action}}" novalidate>
        {{#sections}}<fieldset class="card"><legend>{{title}}</legend>{{#text}}<p class="hint">{{text}}</p>{{/text}}
        <div class="grid">{{#fields}}{{> field}}{{/fields}}</div></fieldset>{{/sections}}
        <div class="actions"><button name="_action" value="submit">{{submit}}</button>
        {{^isDone}}<button class="plain" name="_action" value="later">Save for later</button>{{/isDone}}</div>
        {{^isDone}}<p class="fill"><button class="link" name="_action" value="test_data">Fill in test data</button><span class="hint">Only a sandbox has this button.</span></p>{{/isDone}}
        </form>
        <footer>Account {{account}}</footer>
        </main>
        """

    private static let checkout = """
        <main class="split">
        <section class="summary" aria-labelledby="total">
        <p class="brand">{{#cancelURL}}<a class="back" href="{{cancelURL}}"><span aria-hidden="true">←</span> Back</a> {{/cancelURL}}{{shop}}</p>
        <h1 id="total"><span class="lead">You pay</span> <span class="total">{{total}}</span></h1>
        <ul class="items">{{#items}}<li><span class="what"><b>{{name}}</b>{{#about}}<span class="hint">{{about}}</span>{{/about}}{{#detail}}<span class="hint">{{detail}}</span>{{/detail}}</span><span class="amount">{{amount}}</span></li>{{/items}}
        <li class="sum"><span>Total due</span><span class="amount">{{total}}</span></li></ul>
        {{#isHeld}}<p class="hint">The amount is only set aside now. Your card is charged once the shop confirms the order.</p>{{/isHeld}}
        </section>
        <section class="pay" aria-labelledby="pay">
        <h2 id="pay">Pay with card</h2>
        {{#decline}}<div class="problems" role="alert" tabindex="-1" autofocus><h2>{{decline}}</h2><p>Nothing was charged. Try again, or use another card.</p></div>{{/decline}}
        {{> problems}}
        <form method="post" action="{{action}}" novalidate>
        <div class="grid">{{#fields}}{{> field}}{{/fields}}</div>
        <button class="wide">Pay {{total}}</button>
        <div class="tests"><h3>Test cards</h3>
        <ul>{{#cards}}<li><button class="link" name="_fill" value="{{number}}">{{number}}</button><span class="hint">{{outcome}}</span></li>{{/cards}}</ul></div>
        </form>
        </section></main>
        """

    private static let authenticate = """
        <main class="column narrow"><section class="card" aria-labelledby="title">
        <p class="brand">Your bank <span>3D Secure</span></p>
        <h1 id="title">Is this you?</h1>
        <p class="lead">Your bank asks you to confirm this payment.</p>
        <dl><div><dt>Amount</dt><dd class="amount">{{total}}</dd></div>
        {{#card}}<div><dt>Card</dt><dd>{{card}}</dd></div>{{/card}}
        <div><dt>Shop</dt><dd>{{shop}}</dd></div></dl>
        <form method="post" action="{{action}}" class="stack">
        <button class="wide" name="outcome" value="succeed">Complete authentication</button>
        <button class="plain wide" name="outcome" value="fail">Fail authentication</button></form>
        </section></main>
        """

    private static let express = """
        <main class="column">
        <p class="brand">{{platform}} <span>with Stripe Express</span></p>
        <h1>Your earnings</h1>
        {{^balances}}<div class="card"><p class="lead">Nothing was earned yet. Your first sale will show here.</p></div>{{/balances}}
        {{#balances}}<dl class="card figures"><div><dt>Available in your balance</dt><dd class="total">{{available}}</dd></div>
        <div><dt>Available soon</dt><dd class="total">{{pending}}</dd></div></dl>{{/balances}}
        <section class="card" aria-labelledby="payouts"><h2 id="payouts">Payouts</h2>
        {{^payouts}}<p class="lead">None yet. What is available goes to your bank by itself.</p>{{/payouts}}
        {{#hasPayouts}}<table><thead><tr><th scope="col">Arrives</th><th scope="col">Status</th><th scope="col" class="amount">Amount</th></tr></thead><tbody>
        {{#payouts}}<tr><td>{{date}}</td><td><span class="badge {{tone}}">{{status}}</span></td><td class="amount">{{amount}}</td></tr>{{/payouts}}</tbody></table>{{/hasPayouts}}</section>
        <section class="card" aria-labelledby="payments"><h2 id="payments">Payments</h2>
        {{^payments}}<p class="lead">None yet.</p>{{/payments}}
        {{#hasPayments}}<table><thead><tr><th scope="col">Date</th><th scope="col">Status</th><th scope="col" class="amount">Amount</th></tr></thead><tbody>
        {{#payments}}<tr><td>{{date}}</td><td><span class="badge {{tone}}">{{status}}</span></td><td class="amount">{{amount}}</td></tr>{{/payments}}</tbody></table>{{/hasPayments}}</section>
        <footer>Account {{account}}</footer>
        </main>
        """

    private static let notice = """
        <main class="column narrow"><section class="card notice">
        <h1>{{title}}</h1><p class="lead">{{text}}</p>
        {{#link}}<p><a class="button" href="{{url}}">{{label}}</a></p>{{/link}}
        </section></main>
        """
}
