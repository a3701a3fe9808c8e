"""What a marketplace's money comes to, worked out from what the API is asked and from how Stripe behaves.

Nothing here is shared with Souk or with its sandbox: no code, no table, no rounding. Amounts are integers of the minor unit,
and a share of an amount is an exact fraction until it is rounded, once. `test_model.py` lives random lives of a marketplace
and compares three answers for each account: this one, Souk's ledger, and what Stripe's own SDK reads from the sandbox.

Not modelled, and left out of the lives: reversals that wait for a seller's balance, appeals of lost disputes, canceled refunds,
reversals on request, netting policies, and refunds made at Stripe that take something of what remains of an order.
"""

import collections
import math
from fractions import Fraction

# --- What Stripe does -----------------------------------------------------------------------------------------------

Currency = collections.namedtuple("Currency", "minimum step")

# The least that can be charged, and what an amount must be a multiple of. Yen have no decimals, dinars three of which the
# last is zero, krónur two that are both zero; Stripe publishes no minimum for the last two.
CURRENCIES = {
    "usd": Currency(50, 1), "jpy": Currency(50, 1), "kwd": Currency(10, 10), "isk": Currency(100, 100)}
LARGEST_CHARGE = 99_999_999
# Sellers' bank accounts take dollars only.
PAYOUT_CURRENCY = "usd"
DISPUTE_FEE = 1500
# What each seller has at Stripe beside the sales, in each currency: more than a reversal ever takes. Not modelled is a reversal
# that waits because the seller's balance is too low for it.
CAPITAL = 200_000_000


def processing_fee(amount):
    """2.9 % and 30; it is not given back."""
    return half_up(Fraction(amount * 29, 1000)) + 30


# --- How an amount is divided ---------------------------------------------------------------------------------------


def half_up(exact, step=1):
    return math.floor(exact / step + Fraction(1, 2)) * step


def spread(total, weights, step):
    """Divides a total in proportion to the weights: each part rounded down, the rest to the largest remainders, the first of
    equal ones first."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [math.floor(share / step) * step for share in exact]
    missing = (total - sum(parts)) // step
    for index in sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))[:missing]:
        parts[index] += step
    return parts


class Policy(collections.namedtuple("Policy", "percent_bps fixed minimum maximum")):
    def fee(self, amount, step):
        """What the platform takes of a line: no finer than the currency is charged in, and never more than the line."""
        if amount <= 0:
            return 0
        fee = max(half_up(Fraction(amount * self.percent_bps, 10_000), step) + self.fixed, self.minimum)
        if self.maximum is not None:
            fee = min(fee, self.maximum)
        return min(fee, amount)


NO_FEE = Policy(0, 0, 0, None)

Parts = collections.namedtuple("Parts", "seller fee tax sales discount")
NOTHING = Parts(0, 0, 0, 0, 0)


def plus(*several):
    return Parts(*map(sum, zip(NOTHING, *several)))


def minus(left, right):
    return Parts(*(a - b for a, b in zip(left, right)))


def platform_part(parts):
    """What stays with the platform when the sellers have theirs."""
    return parts.fee + parts.tax + parts.sales - parts.discount


class Line:
    """One line of an order: whose its money is, and what became of the seller's share of it."""

    def __init__(self, asked, policy, step):
        self.kind, self.step = asked.get("type") or "item", step
        seller = asked.get("seller")
        is_platforms_gift = self.kind == "discount" and (
            asked.get("funded_by") or ("seller" if seller else "platform")) == "platform"
        # Nobody's but the platform's: taxes, its own sales, and what it gives away itself.
        self.seller = None if self.kind == "tax" or is_platforms_gift else seller
        applies = asked.get("fee_applies")
        if applies is None:
            applies = self.kind in ("item", "shipping")
        self.policy = policy if applies else NO_FEE
        self.divide(asked["unit_amount"] * asked.get("quantity", 1))
        self.refunded, self.taken = 0, NOTHING
        # The seller's share: kept by the platform, due on a day, let go with a transfer, or gone with it.
        self.share = "kept"
        self.due = self.batch = None

    def divide(self, amount):
        self.amount = amount
        if self.seller is not None:
            fee = self.policy.fee(amount, self.step)
            self.parts = NOTHING._replace(fee=fee, seller=amount - fee)
        elif self.kind == "tax":
            self.parts = NOTHING._replace(tax=amount)
        elif self.kind == "discount":
            self.parts = NOTHING._replace(discount=-amount)
        else:
            self.parts = NOTHING._replace(sales=amount)

    @property
    def remaining(self):
        return self.amount - self.refunded

    def parts_of_first(self, refunded):
        """Cumulative, so that a line that is refunded wholly ends at exactly its parts, whatever the steps."""
        if self.amount == 0:
            return NOTHING
        fee, tax, sales, discount = (
            half_up(Fraction(part * refunded, self.amount), self.step)
            for part in (self.parts.fee, self.parts.tax, self.parts.sales, self.parts.discount))
        return Parts(refunded - fee - tax - sales + discount, fee, tax, sales, discount)


# --- What is asked --------------------------------------------------------------------------------------------------


class Refused(Exception):
    """With the code that the API answers."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Order:
    def __init__(self, name, asked, lines, shape, day):
        self.name, self.asked, self.lines, self.shape = name, asked, lines, shape
        self.currency = asked["currency"]
        self.step = CURRENCIES[self.currency].step
        self.authorized = sum(line.amount for line in lines)
        self.status = "awaiting_payment"
        self.paid_on = None
        self.refunds = []
        self.disputes = []
        # Who bears a dispute.
        self.bearer = asked.get("dispute_bearer") or "platform"
        # By seller: what transfers have moved, what came back of them; by the books, what the seller is owed and owes; and
        # what was taken for refunds that do not count any more, and has not been given again.
        self.moved, self.taken_back = collections.Counter(), collections.Counter()
        self.payable, self.receivable, self.in_vain = collections.Counter(), collections.Counter(), collections.Counter()
        self.batches = 0
        # What came back of a destination charge's fee.
        self.fee_refunded = 0

    @property
    def amount(self):
        return sum(line.amount for line in self.lines)

    @property
    def parts(self):
        return plus(*(line.parts for line in self.lines))

    @property
    def fee(self):
        return platform_part(self.parts)

    @property
    def is_possible(self):
        """Stripe moves no more out of a charge than it brought, and no seller pays for a sale."""
        return self.fee >= 0 and all(self.share_of(seller) >= 0 for seller in self.sellers)

    def shrink(self, amount):
        """Each line takes its part of what is captured, and is divided anew by the policy that it was placed under."""
        before = [(line.amount, line.parts) for line in self.lines]
        for line, part in zip(self.lines, spread(amount, [line.amount for line in self.lines], self.step)):
            line.divide(part)
        if not self.is_possible:
            for line, (amount, parts) in zip(self.lines, before):
                line.amount, line.parts = amount, parts
            raise Refused("charge_shape_impossible")

    @property
    def sellers(self):
        return list(dict.fromkeys(line.seller for line in self.lines if line.seller is not None))

    def share_of(self, seller):
        return sum(line.parts.seller for line in self.lines if line.seller == seller)

    @property
    def transferred(self):
        return sum(self.moved.values())

    @property
    def reversed(self):
        return sum(self.taken_back.values())

    def unmoved(self, seller):
        """What the seller is owed that no share is to bring: a share went without what a refund had taken of it, and the
        seller has that again."""
        to_come = sum(
            line.parts.seller - line.taken.seller for line in self.lines if line.seller == seller and line.share != "gone")
        return self.payable[seller] - (to_come if self.shape == "separate" else 0)

    @property
    def is_frozen(self):
        """Whose the money is, only the end of the dispute says."""
        return any(dispute.state == "open" for dispute in self.disputes)

    @property
    def claims(self):
        return [dispute.claim for dispute in self.disputes if dispute.claim and dispute.state != "won"]

    @property
    def is_paid(self):
        return self.status in ("paid", "partially_refunded", "refunded")

    @property
    def remaining(self):
        return sum(line.remaining for line in self.lines)

    @property
    def standing_refunds(self):
        """Those that count: not the ones that were given up after the bank had sent them back."""
        return [refund for refund in self.refunds if refund.state != "given_up"]

    def received_back(self, line):
        """What Stripe has given back to the buyer of a line, and the bank has not sent back."""
        return sum(
            amount for refund in self.refunds if refund.state == "succeeded"
            for taken, amount, _ in refund.taken if taken is line)

    @property
    def amount_refunded(self):
        return sum(map(self.received_back, self.lines))


class Refund:
    def __init__(self, order, taken, excess=0):
        self.order, self.taken = order, taken
        # What the buyer got beyond the order, by a refund that was made at Stripe.
        self.excess = excess
        self.amount = sum(amount for _, amount, _ in taken) + excess
        self.parts = plus(*(parts for _, _, parts in taken))
        self.state = "succeeded"
        # What of it each seller bears out of what the platform still has, and out of what the seller has already.
        self.payable = collections.Counter()
        self.receivable = collections.Counter()
        # What came back of transfers for it, and of it the fee that the seller has got.
        self.back, self.fee = collections.Counter(), 0

    def fill(self, order):
        """Each line's part comes from where the line's share is."""
        for line, _, parts in self.taken:
            if line.seller is not None:
                has_gone = order.shape == "destination" or line.share == "gone"
                (self.receivable if has_gone else self.payable)[line.seller] += parts.seller
        return self


class Dispute:
    def __init__(self, order, amount, is_inquiry, days):
        self.order, self.amount, self.is_inquiry, self.answer_by = order, amount, is_inquiry, days
        self.state = "open"
        self.is_countered = False
        # What of it everyone who had the money bears, where sellers bear disputes.
        self.claim = None

    @property
    def blocks_refunds(self):
        """A chargeback has taken the money back already, unless it was won."""
        return not self.is_inquiry and self.state != "won"


class Payout:
    def __init__(self, seller, amount):
        self.seller, self.amount, self.state = seller, amount, "in_transit"


class Model:
    """The platform and its sellers, whom it knows by the names that it is given. `stripe` is what Stripe has for each of
    them, `ledger` what the books say, debits positive; both by currency."""

    PLATFORM = "platform"

    def __init__(self):
        self.stripe = collections.Counter()
        self.ledger = collections.Counter()
        self.policies = {}
        self.orders, self.payouts, self.disputes = [], [], []
        self.blocked = set()
        self.day = 0

    # --- Writing it down ---

    def at_stripe(self, owner, currency, amount):
        self.stripe[owner, currency] += amount
        self.ledger[f"stripe:{owner}", currency] += amount

    def debit(self, account, currency, amount):
        self.ledger[account, currency] += amount

    def credit(self, account, currency, amount):
        self.ledger[account, currency] -= amount

    def owe(self, order, seller, amount):
        """What the seller owes of an order grows."""
        order.receivable[seller] += amount
        self.debit(self.receivable(seller), order.currency, amount)

    def be_owed(self, order, seller, amount):
        """What the seller is owed of an order grows."""
        order.payable[seller] += amount
        self.credit(self.payable(seller), order.currency, amount)

    def funds(self, seller):
        return f"seller:{seller}:funds"

    def payable(self, seller):
        return f"seller:{seller}:payable"

    def receivable(self, seller):
        return f"seller:{seller}:receivable"

    def transit(self, seller):
        return f"transit:{seller}"

    def platforms_own(self, parts, currency, sign):
        """The platform's parts of a sale (+1), or of one that is turned round (-1)."""
        self.credit("revenue:application_fees", currency, sign * parts.fee)
        self.credit("revenue:billing", currency, sign * parts.sales)
        self.credit("tax:collected", currency, sign * parts.tax)
        self.debit("expense:promotions", currency, sign * parts.discount)

    # --- Policies and orders ---

    def set_policy(self, scope, name, currency, policy):
        self.policies[scope, name, currency] = policy

    def policy_for(self, line, currency):
        """The seller's own, else the category's, else the default; without any there is no fee."""
        for key in ("seller", line.get("seller")), ("category", line.get("category")), ("default", None):
            if (*key, currency) in self.policies:
                return self.policies[*key, currency]
        return NO_FEE

    def place(self, name, asked):
        """-> the order; it has moved nothing yet"""
        currency = asked["currency"]
        rule = CURRENCIES[currency]
        lines = [Line(line, self.policy_for(line, currency), rule.step) for line in asked["lines"]]
        amount = sum(line.amount for line in lines)
        if amount < rule.minimum:
            raise Refused("amount_too_small")
        if amount > LARGEST_CHARGE:
            raise Refused("amount_too_large")
        order = Order(name, asked, lines, self.shape(asked, lines), self.day)
        if not order.is_possible:
            raise Refused("charge_shape_impossible")
        self.orders.append(order)
        return order

    def shape(self, asked, lines):
        sellers = {line.seller for line in lines} - {None}
        wish = asked.get("charge_shape") or "auto"
        if not sellers:
            raise Refused("charge_shape_impossible")
        is_plain = (
            len(sellers) == 1 and asked.get("release", {"on": "payment"})["on"] == "payment"
            and not any(line.kind == "share" for line in lines))
        if not is_plain and wish == "destination":
            raise Refused("charge_shape_impossible")
        return "destination" if is_plain and wish != "separate" else "separate"

    def pay(self, order):
        if order.asked.get("capture") == "manual":
            order.status = "authorized"
        else:
            self.take_payment(order)

    def capture(self, order, amount=None):
        """All of it, or a part: the rest is released."""
        if order.is_paid and order.asked.get("capture") == "manual":
            if amount not in (None, order.amount):
                raise Refused("illegal_transition")
            return
        if order.status != "authorized":
            raise Refused("illegal_transition")
        if amount is not None and amount > order.authorized:
            raise Refused("amount_too_large")
        if amount not in (None, order.authorized):
            order.shrink(amount)
        self.take_payment(order)

    def cancel(self, order):
        if order.is_paid:
            raise Refused("order_already_paid")
        order.status = "canceled"

    def take_payment(self, order):
        currency = order.currency
        order.status, order.paid_on = "paid", self.day
        fee = processing_fee(order.amount)
        self.at_stripe(self.PLATFORM, currency, order.amount - fee)
        self.debit("fees:stripe", currency, fee)
        self.platforms_own(order.parts, currency, +1)
        if order.shape == "destination":
            [seller] = order.sellers
            # The whole goes to the seller, and the application fee comes back.
            self.at_stripe(self.PLATFORM, currency, order.fee - order.amount)
            self.at_stripe(seller, currency, order.amount - order.fee)
            self.credit(self.funds(seller), currency, order.amount - order.fee)
            order.moved[seller] = order.amount
            return
        for seller in order.sellers:
            self.be_owed(order, seller, order.share_of(seller))
        release = order.asked.get("release", {"on": "payment"})
        if release["on"] == "payment":
            self.let_go(order, order.lines)
        elif release["on"] == "delay":
            for line in order.lines:
                if line.seller is not None:
                    line.share, line.due = "due", self.day + release["days"]

    # --- Separate charges: the sellers' shares ---

    def release(self, order, seller=None, lines=None):
        """-> the lines that it lets go"""
        if order.shape != "separate" or not order.is_paid:
            raise Refused("illegal_transition")
        if seller is not None and seller not in order.sellers:
            raise Refused("parameter_invalid")

        def is_open(line):
            return line.seller is not None and line.parts.seller != 0 and line.share in ("kept", "due")

        for line in lines or []:
            if line.seller is None:
                raise Refused("parameter_invalid")
            if not is_open(line) and line.parts.seller != 0:
                raise Refused("illegal_transition")
        named = [
            line for line in order.lines
            if is_open(line) and (seller is None or line.seller == seller) and (lines is None or line in lines)]
        if not named:
            raise Refused("illegal_transition")
        # A seller's own discounts go with the first of that seller's lines.
        receivers = {line.seller for line in named}
        released = [
            line for line in order.lines
            if is_open(line) and (line in named or line.parts.seller < 0 and line.seller in receivers)]
        self.let_go(order, released)
        return released

    def let_go(self, order, lines):
        """One transfer for each seller."""
        for seller in order.sellers:
            order.batches += 1
            for line in lines:
                if line.seller == seller:
                    line.share, line.batch = "waiting", order.batches
        self.move(order)

    def move(self, order):
        """All transfers go that can; none of a disputed order, and not one that ends with nothing either."""
        if order.is_frozen:
            return
        for seller in order.sellers:
            if order.shape == "separate":
                self.transfer(order, seller)
            self.give_again(order, seller)

    def transfer(self, order, seller):
        """Moves what was let go of a seller's shares, less what was refunded of it until now. Where refunds have left nothing of
        what is due on a day, that ends too."""

        def rest(lines):
            return sum(line.parts.seller - line.taken.seller for line in lines)

        own = [line for line in order.lines if line.seller == seller]
        batches = {}
        for line in own:
            if line.share in ("waiting", "due"):
                batches.setdefault((line.share, line.batch), []).append(line)
        short = []
        for (state, _), lines in sorted(batches.items(), key=lambda batch: (batch[0][0] == "due", batch[0][1])):
            # What a discount kept from going goes with the seller's next lines.
            if state == "waiting" and short:
                lines, short = short + lines, []
            amount = rest(lines)
            more_to_come = any(
                line not in lines and line.share != "gone" and line.parts.seller > 0 for line in own)
            if amount < 0 and more_to_come:
                if state == "waiting":
                    short = lines
                continue
            if amount > 0 and state == "due":
                continue
            for line in lines:
                line.share = "gone"
            self.be_owed(order, seller, -amount)
            if amount > 0:
                self.bring(order, seller, amount)
            else:
                # What the seller was owed of these lines and what the seller owes cancel out.
                self.owe(order, seller, -amount)

    def bring(self, order, seller, amount):
        self.at_stripe(self.PLATFORM, order.currency, -amount)
        self.at_stripe(seller, order.currency, amount)
        self.credit(self.funds(seller), order.currency, amount)
        order.moved[seller] += amount

    def give_again(self, order, seller):
        """What was taken of a seller for what does not count any more, out of the platform's balance. What the seller owes of
        the order is settled by it first."""
        owed, payable = order.receivable[seller], max(0, order.unmoved(seller))
        amount = payable - owed if owed >= 0 else payable + max(0, min(-owed, order.in_vain[seller]))
        if amount <= 0:
            return
        self.bring(order, seller, amount)
        self.be_owed(order, seller, -payable)
        self.owe(order, seller, amount - payable)
        order.in_vain[seller] -= max(0, amount - payable)

    # --- Refunds ---

    def refund(self, order, amount=None, lines=None):
        """`lines` are pairs of a line and an amount, None for all that remains of it. -> the refund"""
        if not order.is_paid:
            raise Refused("illegal_transition")
        if order.claims:
            raise Refused("charge_disputed")
        if order.remaining <= 0:
            raise Refused("illegal_transition")
        refund = Refund(order, self.parts_by_line(order, self.amounts_by_line(order, amount, lines))).fill(order)
        if any(dispute.blocks_refunds for dispute in order.disputes):
            raise Refused("charge_disputed")
        self.make(refund)
        return refund

    def parts_by_line(self, order, amounts):
        return [
            (line, part, minus(line.parts_of_first(line.refunded + part), line.taken))
            for line, part in zip(order.lines, amounts) if part]

    def amounts_by_line(self, order, amount, lines):
        remaining = order.remaining
        if lines is not None:
            asked = {line: line.remaining if part is None else part for line, part in lines}
            for line, part in asked.items():
                if not min(0, line.remaining) <= part <= max(0, line.remaining):
                    raise Refused("parameter_invalid")
            amount = sum(asked.values())
        if amount is None:
            amount = remaining
        if amount <= 0:
            raise Refused("parameter_invalid")
        if amount > remaining:
            raise Refused("amount_too_large")
        if amount == remaining:
            return [line.remaining for line in order.lines]
        if lines is not None:
            return [asked.get(line, 0) for line in order.lines]
        return spread(amount, [line.remaining for line in order.lines], order.step)

    def refund_beyond(self, order, amount):
        """Staff refund at Stripe what the platform had paid otherwise, where nothing of the order remains. Not modelled is one
        that takes something of what remains, too: no call of Souk's brings a seller's part of it back."""
        refund = Refund(order, [], excess=amount)
        order.refunds.append(refund)
        self.at_stripe(self.PLATFORM, order.currency, -amount)
        self.take(refund, +1)
        return refund

    def make(self, refund):
        order = refund.order
        order.refunds.append(refund)
        self.at_stripe(self.PLATFORM, order.currency, -refund.amount)
        self.take(refund, +1)
        if order.shape == "destination":
            self.reverse(refund)
        else:
            for seller, amount in refund.receivable.items():
                self.bring_back(order, seller, amount, refund)
        self.move(order)
        self.restate(order)

    def take(self, refund, sign):
        """What a refund or a claim takes from everyone (+1), or what they have again (-1)."""
        order = refund.order
        for line, amount, parts in refund.taken:
            line.refunded += sign * amount
            line.taken = (plus if sign > 0 else minus)(line.taken, parts)
        self.platforms_own(refund.parts, order.currency, -sign)
        self.debit("loss:refunds", order.currency, sign * refund.excess)
        for seller, amount in refund.payable.items():
            self.be_owed(order, seller, -sign * amount)
        for seller, amount in refund.receivable.items():
            self.owe(order, seller, sign * amount)

    def reverse(self, refund):
        """Returns the platform's part of the fee, and brings back the seller's part of what was refunded: cumulative over the
        refunds of the charge, as far as Stripe still has it."""
        order = refund.order
        [seller] = order.sellers
        refunded = plus(*(each.parts for each in order.standing_refunds))
        fee = max(0, min(platform_part(refunded) - order.fee_refunded, order.fee - order.fee_refunded))
        order.fee_refunded += fee
        refund.fee = fee
        self.at_stripe(self.PLATFORM, order.currency, -fee)
        self.at_stripe(seller, order.currency, fee)
        self.credit(self.funds(seller), order.currency, fee)
        self.owe(order, seller, fee)
        before = sum(each.back[seller] - each.fee for each in order.standing_refunds if each is not refund)
        self.bring_back(order, seller, refunded.seller - before + fee, refund)

    def bring_back(self, order, seller, amount, cause):
        """Never more than the seller owes, nor than is left of what the seller has had of the order. A seller's balance may fall
        below zero by it."""
        amount = max(0, min(amount, order.receivable[seller], order.moved[seller] - order.taken_back[seller]))
        cause.back[seller] += amount
        order.taken_back[seller] += amount
        self.at_stripe(self.PLATFORM, order.currency, amount)
        self.at_stripe(seller, order.currency, -amount)
        self.debit(self.funds(seller), order.currency, amount)
        self.owe(order, seller, -amount)

    def restate(self, order):
        refunded = order.amount_refunded
        order.status = "paid" if refunded <= 0 else "partially_refunded" if refunded < order.amount else "refunded"

    def bank_returns(self, refund):
        """The buyer's bank sends a refund back: the platform has the money, and owes it to the buyer."""
        refund.state = "due"
        self.restate(refund.order)
        self.at_stripe(self.PLATFORM, refund.order.currency, refund.amount)
        self.credit("buyer:refunds_due", refund.order.currency, refund.amount)

    def settle(self, refund, outcome):
        if refund.state != "due":
            raise Refused("illegal_transition")
        self.debit("buyer:refunds_due", refund.order.currency, refund.amount)
        refund.state = outcome
        if outcome == "paid_otherwise":
            self.credit("bank:platform", refund.order.currency, refund.amount)
            return
        self.take(refund, -1)
        for seller, amount in refund.back.items():
            refund.order.in_vain[seller] += amount - refund.fee
        self.move(refund.order)

    # --- Disputes ---

    def dispute(self, order, amount, is_inquiry, days):
        """`days`: for how long the bank listens."""
        dispute = Dispute(order, amount, is_inquiry, self.day + days)
        order.disputes.append(dispute)
        self.disputes.append(dispute)
        if not is_inquiry:
            self.withdraw(dispute)
        return dispute

    def withdraw(self, dispute):
        currency = dispute.order.currency
        dispute.is_inquiry = False
        self.at_stripe(self.PLATFORM, currency, -dispute.amount - DISPUTE_FEE)
        self.debit("disputes:open", currency, dispute.amount)
        self.debit("fees:dispute", currency, DISPUTE_FEE)
        if dispute.order.bearer == "seller":
            self.claim(dispute)

    def claim(self, dispute):
        """From everyone who had the money, of what no refund took before, and out of the sellers' transfers."""
        order = dispute.order
        amount = min(dispute.amount, order.remaining)
        amounts = self.amounts_by_line(order, amount, None) if amount > 0 else []
        dispute.claim = Refund(order, self.parts_by_line(order, amounts)).fill(order)
        self.take(dispute.claim, +1)
        self.credit("disputes:open", order.currency, dispute.claim.amount)
        for seller, amount in dispute.claim.receivable.items():
            self.bring_back(order, seller, amount, dispute.claim)

    def counter(self, dispute, wins):
        """Evidence costs the fee once more, given back when it wins."""
        dispute.is_countered = not dispute.is_inquiry
        if dispute.is_countered:
            self.at_stripe(self.PLATFORM, dispute.order.currency, -DISPUTE_FEE)
            self.debit("fees:dispute", dispute.order.currency, DISPUTE_FEE)
        self.end(dispute, wins)

    def end(self, dispute, wins):
        dispute.state = "won" if wins else "lost"
        if not dispute.is_inquiry:
            self.decide(dispute, wins)
        # What waited goes by itself.
        self.move(dispute.order)

    def decide(self, dispute, wins):
        order, currency, claim = dispute.order, dispute.order.currency, dispute.claim
        open_amount = dispute.amount - (claim.amount if claim else 0)
        self.credit("disputes:open", currency, open_amount)
        if not wins:
            self.debit("loss:disputes", currency, open_amount)
            return
        back = DISPUTE_FEE if dispute.is_countered else 0
        self.at_stripe(self.PLATFORM, currency, dispute.amount + back)
        self.credit("fees:dispute", currency, back)
        if claim:
            # What a seller still owes of it is owed no more, and the rest is payable again.
            for seller, amount in claim.receivable.items():
                open_part = max(0, min(amount, order.receivable[seller]))
                claim.payable[seller] += amount - open_part
                claim.receivable[seller] = open_part
            self.take(claim, -1)

    # --- Payouts ---

    def pay_out(self, seller, currency, amount):
        """Of money that is available: days have passed since the last sale."""
        if currency != PAYOUT_CURRENCY:
            raise Refused("seller_not_ready")
        if seller in self.blocked:
            raise Refused("payout_blocked")
        if amount > self.stripe[seller, currency] + CAPITAL:
            raise Refused("balance_insufficient")
        payout = Payout(seller, amount)
        self.payouts.append(payout)
        self.at_stripe(seller, currency, -amount)
        self.debit(self.transit(seller), currency, amount)
        return payout

    def payout_returns(self, payout):
        """The bank sends it back, before or after it was paid, and takes nothing more until the account is changed."""
        left = self.transit(payout.seller) if payout.state == "in_transit" else self.funds(payout.seller)
        payout.state = "failed"
        self.blocked.add(payout.seller)
        self.at_stripe(payout.seller, PAYOUT_CURRENCY, payout.amount)
        self.credit(left, PAYOUT_CURRENCY, payout.amount)

    # --- Time ---

    def days_pass(self, days):
        self.day += days
        for payout in self.payouts:
            if payout.state == "in_transit":
                payout.state = "paid"
                self.debit(self.funds(payout.seller), PAYOUT_CURRENCY, payout.amount)
                self.credit(self.transit(payout.seller), PAYOUT_CURRENCY, payout.amount)
        for dispute in self.disputes:
            if dispute.state == "open" and dispute.answer_by <= self.day:
                self.end(dispute, wins=False)
        for order in self.orders:
            # A page is open for a day, a bank holds money for a week.
            if order.status == "authorized" or order.status == "awaiting_payment" and order.asked["payment"] == "checkout":
                order.status = "expired"
            self.let_go(order, [line for line in order.lines if line.share == "due" and line.due <= self.day])
