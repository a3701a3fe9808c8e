/// The HTML of the hosted pages. No script is needed; everything works by links and forms.
enum PageTemplates {
    static let all: [String: String] = [
        "page": page, "onboarding": onboarding, "checkout": checkout, "authenticate": authenticate,
        "express": express, "notice": notice,
    ]

    private static let page = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{title}}</title>
        <style>
        :root { color-scheme: light dark; --line: #8884; --accent: #5a4fcf; --bad: #c0243c; }
        * { box-sizing: border-box; }
        body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
        .bar { background: #f5b70022; border-bottom: 1px solid var(--line); font-size: 13px; padding: 6px 16px; }
        main { margin: 32px auto; max-width: 520px; padding: 0 16px 48px; }
        h1 { font-size: 26px; line-height: 1.25; margin: 0 0 8px; } h2 { font-size: 18px; margin: 28px 0 8px; }
        label { display: block; font-weight: 600; margin: 16px 0 4px; }
        input, select { border: 1px solid var(--line); border-radius: 6px; font: inherit; padding: 9px 11px; width: 100%; }
        input[type=checkbox] { margin-right: 8px; width: auto; }
        button, .button { background: var(--accent); border: 0; border-radius: 6px; color: #fff; cursor: pointer;
          display: inline-block; font: inherit; font-weight: 600; margin: 20px 8px 0 0; padding: 10px 18px; text-decoration: none; }
        button.plain { background: none; border: 1px solid var(--line); color: inherit; }
        .error { color: var(--bad); font-size: 14px; margin: 4px 0 0; } .hint { font-size: 13px; opacity: .75; }
        .problem { border: 1px solid var(--bad); border-radius: 6px; color: var(--bad); padding: 10px 12px; }
        table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid var(--line); padding: 6px 4px; text-align: left; }
        td.amount { text-align: right; white-space: nowrap; }
        </style></head><body>
        <div class="bar">Souk sandbox: a test page. Nothing here is real, and no card is charged.</div>
        <main>{{{body}}}</main></body></html>
        """

    private static let onboarding = """
        <h1>Tell us about your business</h1>
        <p class="hint">{{account}} · asked because {{platform}} wants to pay you.</p>
        {{#hasErrors}}<p class="problem" role="alert">Please correct the fields marked below. What was right is kept.</p>{{/hasErrors}}
        {{#isDone}}<p>Nothing is missing at the moment.</p>{{/isDone}}
        <form method="post" action="{{action}}">
        {{#fields}}
        <label for="{{name}}">{{label}}</label>
        {{#choices}}<select id="{{name}}" name="{{name}}">{{#options}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{text}}</option>{{/options}}</select>{{/choices}}
        {{#isCheckbox}}<input type="checkbox" id="{{name}}" name="{{name}}" value="true"{{#isChecked}} checked{{/isChecked}}><span>{{hint}}</span>{{/isCheckbox}}
        {{#isText}}<input id="{{name}}" name="{{name}}" value="{{value}}" autocomplete="off">{{#hint}}<div class="hint">{{hint}}</div>{{/hint}}{{/isText}}
        {{#error}}<p class="error">{{error}}</p>{{/error}}
        {{/fields}}
        <div><button name="_action" value="submit">Agree and submit</button>
        <button class="plain" name="_action" value="later">Save for later</button>
        <button class="plain" name="_action" value="test_data">Fill with test data</button></div>
        </form>
        """

    private static let checkout = """
        <h1>Pay {{total}}</h1>
        <table>{{#items}}<tr><td>{{name}} × {{quantity}}</td><td class="amount">{{amount}}</td></tr>{{/items}}</table>
        {{#error}}<p class="problem" role="alert">{{error}}</p>{{/error}}
        <form method="post" action="{{action}}">
        <label for="email">Email</label><input id="email" name="email" type="email" value="{{email}}" required>
        <label for="card">Card number</label><input id="card" name="card" inputmode="numeric" autocomplete="off" value="{{card}}" placeholder="4242 4242 4242 4242" required>
        <label for="expiry">Expiry (MM / YY)</label><input id="expiry" name="expiry" value="{{expiry}}" placeholder="12 / 34" required>
        <label for="cvc">CVC</label><input id="cvc" name="cvc" value="{{cvc}}" placeholder="123" required>
        <label for="name">Name on card</label><input id="name" name="name" value="{{name}}">
        <button>Pay</button>{{#cancelURL}}<a class="button" style="background:none;color:inherit;border:1px solid var(--line)" href="{{cancelURL}}">Back</a>{{/cancelURL}}
        </form>
        <h2>Test cards</h2><p class="hint">4242 4242 4242 4242 pays. 4000 0000 0000 0002 is declined. 4000 0000 0000 9995 has insufficient funds. 4000 0027 6000 3184 asks for 3-D Secure.</p>
        """

    private static let authenticate = """
        <h1>3-D Secure</h1>
        <p>Your bank wants to know whether you make this payment of {{total}}.</p>
        <form method="post" action="{{action}}">
        <button name="outcome" value="succeed">Complete authentication</button>
        <button class="plain" name="outcome" value="fail">Fail authentication</button></form>
        """

    private static let express = """
        <h1>Your payouts</h1><p class="hint">{{account}}</p>
        <table><tr><th>Balance</th><th></th></tr>
        {{#balances}}<tr><td>Available</td><td class="amount">{{available}}</td></tr><tr><td>On its way to available</td><td class="amount">{{pending}}</td></tr>{{/balances}}</table>
        <h2>Payouts</h2><table>{{#payouts}}<tr><td>{{status}}</td><td class="amount">{{amount}}</td></tr>{{/payouts}}</table>
        {{^payouts}}<p>None yet.</p>{{/payouts}}
        <h2>Payments</h2><table>{{#payments}}<tr><td>{{status}}</td><td class="amount">{{amount}}</td></tr>{{/payments}}</table>
        {{^payments}}<p>None yet.</p>{{/payments}}
        """

    private static let notice = """
        <h1>{{title}}</h1><p>{{text}}</p>
        """
}
