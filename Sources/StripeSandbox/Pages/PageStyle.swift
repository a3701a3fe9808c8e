/// How the hosted pages look, in light and in dark.
enum PageStyle {
    static let css = """
        :root { color-scheme: light dark; --page: #f5f6f9; --card: #fff; --text: #1a1d2b; --muted: #586072; --line: #dfe3ea;
          --edge: #858d9e; --accent: #4f46e5; --on-accent: #fff; --link: #4338ca; --ring: #6d66f0; --bad: #b4122f; --bad-soft: #fdeff1;
          --good: #0b6640; --good-soft: #e3f5ec; --wait: #7a4a00; --wait-soft: #fdf1d8; --bar: #fff3d1; --on-bar: #5c4300; }
        @media (prefers-color-scheme: dark) { :root { --page: #0f1119; --card: #191c28; --text: #eceef5; --muted: #a5adbf;
          --line: #2d3242; --edge: #767f94; --accent: #6059ea; --link: #b3b1ff; --ring: #a3a0ff; --bad: #ff98a6; --bad-soft: #341a22;
          --good: #7fdcae; --good-soft: #12301f; --wait: #f2c66d; --wait-soft: #35290f; --bar: #33290c; --on-bar: #f6dc98; } }
        * { box-sizing: border-box; }
        body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
          margin: 0; min-height: 100vh; }
        .bar { background: var(--bar); color: var(--on-bar); font-size: 14px; padding: 7px 16px; text-align: center; }
        .bar b { border: 1px solid; border-radius: 4px; font-size: 12px; letter-spacing: .03em; margin-right: 6px; padding: 1px 6px; }
        .column { margin: 0 auto; max-width: 620px; padding: 40px 20px 56px; }
        .narrow { max-width: 460px; padding-top: 9vh; }
        h1 { font-size: 30px; letter-spacing: -.02em; line-height: 1.2; margin: 0 0 8px; }
        h2, legend { font-size: 18px; font-weight: 650; letter-spacing: -.01em; line-height: 1.3; margin: 0; padding: 0; }
        p { margin: 0; } .lead { color: var(--muted); font-size: 17px; }
        .brand { align-items: baseline; display: flex; font-weight: 650; gap: 8px; margin-bottom: 20px; }
        .brand > span, .hint { color: var(--muted); font-size: 14px; font-weight: 400; line-height: 1.4; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: 0 1px 3px #0b0d1512; margin: 24px 0 0;
          min-width: 0; padding: 24px; }
        fieldset.card { padding-top: 20px; } legend { float: left; margin-bottom: 4px; width: 100%; } legend + * { clear: both; }
        .grid { clear: both; display: grid; gap: 18px 14px; grid-template-columns: repeat(6, minmax(0, 1fr)); padding-top: 14px; }
        .field { grid-column: span 6; } .half { grid-column: span 3; } .third { grid-column: span 2; }
        label { display: block; font-size: 15px; font-weight: 600; margin-bottom: 5px; }
        input, select { background: var(--card); border: 1px solid var(--edge); border-radius: 8px; color: inherit; font: inherit; min-height: 44px;
          padding: 9px 12px; width: 100%; }
        ::placeholder { color: var(--muted); opacity: .8; }
        .field .hint { margin-top: 5px; } .field .hint:first-child { margin-top: 0; }
        .check { align-items: flex-start; display: flex; gap: 12px; } .check label { font-weight: 400; margin: 0; }
        input[type=checkbox] { accent-color: var(--accent); flex: none; height: 22px; margin: 1px 0 0; min-height: 0; width: 22px; }
        [aria-invalid=true] { border-color: var(--bad); box-shadow: 0 0 0 1px var(--bad); }
        .error { color: var(--bad); font-size: 14px; font-weight: 600; margin-top: 5px; }
        .problems { background: var(--bad-soft); border: 1px solid var(--bad); border-radius: 12px; color: var(--bad); margin-top: 20px; padding: 14px 18px; }
        .problems h2 { font-size: 16px; } .problems ul { margin: 6px 0 0; padding-left: 20px; } .problems a { color: inherit; }
        button, .button { background: var(--accent); border: 1px solid transparent; border-radius: 8px; color: var(--on-accent); cursor: pointer; display: inline-block;
          font: inherit; font-weight: 600; min-height: 46px; padding: 10px 22px; text-align: center; text-decoration: none; }
        button:hover, .button:hover { filter: brightness(1.08); }
        .plain { background: none; border-color: var(--edge); color: inherit; } .wide { margin-top: 24px; width: 100%; }
        .link { background: none; border: 0; color: var(--link); min-height: 32px; padding: 2px 0; text-decoration: underline; text-underline-offset: 3px; }
        .actions { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 28px; } .fill { align-items: center; display: flex; flex-wrap: wrap; gap: 4px 12px; margin-top: 16px; }
        .stack .wide + .wide { margin-top: 12px; }
        :focus-visible { outline: 3px solid var(--ring); outline-offset: 2px; } .problems:focus { outline: none; }
        footer { border-top: 1px solid var(--line); color: var(--muted); font-size: 13px; margin-top: 40px; overflow-wrap: anywhere; padding-top: 14px; }
        a { color: var(--link); } .amount { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
        .total { font-size: 38px; font-variant-numeric: tabular-nums; font-weight: 650; letter-spacing: -.02em; line-height: 1.15; }
        .back { font-weight: 600; margin-right: 8px; text-decoration: none; white-space: nowrap; } .back:hover { text-decoration: underline; }
        .split { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); min-height: calc(100vh - 36px); }
        .summary, .pay { padding: 56px max(24px, 6vw) 48px; } .summary { justify-self: end; max-width: 560px; width: 100%; }
        .pay { background: var(--card); box-shadow: -1px 0 0 var(--line); } .pay > * { max-width: 440px; }
        .summary h1 { font-weight: 400; margin-bottom: 28px; } .summary h1 .lead { display: block; letter-spacing: 0; margin-bottom: 4px; }
        .items { list-style: none; margin: 0 0 20px; padding: 0; } .items li { display: flex; gap: 16px; justify-content: space-between; padding: 12px 0; }
        .items b { font-weight: 500; overflow-wrap: anywhere; } .what .hint { display: block; }
        .items .sum { border-top: 1px solid var(--line); font-weight: 650; margin-top: 8px; padding-top: 18px; }
        .tests { border-top: 1px solid var(--line); margin-top: 28px; padding-top: 16px; } .tests h3 { font-size: 15px; font-weight: 600; margin: 0; }
        .tests ul { list-style: none; margin: 8px 0 0; padding: 0; } .tests li { align-items: baseline; display: flex; flex-wrap: wrap; gap: 0 14px; }
        .tests .link { font-size: 15px; font-variant-numeric: tabular-nums; }
        dl { margin: 20px 0 0; } dl > div { border-top: 1px solid var(--line); display: flex; gap: 16px; justify-content: space-between; padding: 11px 0; }
        dt { color: var(--muted); } dd { font-weight: 600; margin: 0; }
        .figures { display: grid; gap: 16px; grid-template-columns: 1fr 1fr; } .figures > div { border: 0; display: block; padding: 0; } .figures .total { font-size: 30px; text-align: left; }
        table { border-collapse: collapse; margin-top: 10px; width: 100%; } th, td { border-bottom: 1px solid var(--line); padding: 10px 0; text-align: left; }
        th { color: var(--muted); font-size: 14px; font-weight: 500; } tr:last-child td { border-bottom: 0; padding-bottom: 0; } th.amount, td.amount { text-align: right; }
        .badge { background: var(--wait-soft); border-radius: 6px; color: var(--wait); font-size: 13px; font-weight: 600; padding: 2px 8px; white-space: nowrap; }
        .badge.good { background: var(--good-soft); color: var(--good); } .badge.bad { background: var(--bad-soft); color: var(--bad); }
        .notice .button { margin-top: 22px; }
        @media (max-width: 820px) { .split { display: block; } .summary, .pay { max-width: none; padding: 28px 20px 32px; } .pay { box-shadow: 0 -1px 0 var(--line); }
          .summary { padding-bottom: 16px; } .pay > * { max-width: none; } }
        @media (max-width: 520px) { h1 { font-size: 26px; } .column { padding-top: 24px; } .narrow { padding-top: 24px; } .card { padding: 20px 16px; } .half { grid-column: span 6; }
          .third label { font-size: 14px; } .actions button { flex: 1 1 100%; } .figures { grid-template-columns: 1fr; } .bar span { display: block; } }
        """
}
