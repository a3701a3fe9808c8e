-- Of an authorized order less may be captured: its lines then come to what was captured of them, and unit amount and quantity
-- still say what was placed.
ALTER TABLE order_lines DROP CONSTRAINT order_lines_check;
ALTER TABLE order_lines ADD CONSTRAINT order_lines_within_what_was_placed
    CHECK (abs(amount_minor) <= abs(unit_amount_minor * quantity));
