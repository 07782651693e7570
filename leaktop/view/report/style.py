"""How the HTML report looks: light and dark as the reader's system is set, and on paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#f6f6f3;--card:#fff;--ink:#1c1d1f;--soft:#5d6168;--faint:#8b9098;--rule:#e3e3de;
--red:#b3261e;--red-soft:#fbe9e7;--amber:#8a5a00;--amber-soft:#fcf1da;--green:#1d6b3c;--green-soft:#e4f3e9;
--grey-soft:#ececea;--blue:#2457c5;--code:#f3f3ef;--a:#2457c5;--b:#0e8a7d;--c:#b4690e;--d:#8e44ad;--e:#a83250;
--f:#5b6b2f}
@media (prefers-color-scheme:dark){:root{--paper:#131416;--card:#1b1d20;--ink:#e8e8e6;--soft:#a6abb3;--faint:#7b818a;
--rule:#2c2f34;--red:#ff8a7f;--red-soft:#3a1d1b;--amber:#f0bd5c;--amber-soft:#362a13;--green:#7ed39b;
--green-soft:#173022;
--grey-soft:#2a2c30;--blue:#8ab0ff;--code:#131416;--a:#8ab0ff;--b:#5fd0c2;--c:#f0ad5c;--d:#cf9be8;--e:#f08ba6;
--f:#b9cc7c}}
@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--faint:#666;--rule:#ccc;
--red:#a11d16;--red-soft:#fff;--amber:#704800;--amber-soft:#fff;--green:#14542d;--green-soft:#fff;--grey-soft:#fff;
--blue:#1c46a3;--code:#fff;--a:#1c46a3;--b:#0b7368;--c:#96560a;--d:#743790;--e:#8c2842;--f:#4a5726}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1040px;margin:0 auto;padding:40px 24px 32px}
code,pre,.mono{font-family:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:.9em}
code,.mono,dd,li,p,h3{overflow-wrap:anywhere}td{overflow-wrap:break-word}
header .from{display:flex;justify-content:space-between;gap:24px;color:var(--soft);font-size:13px;margin-bottom:28px}
header .from b{color:var(--ink);letter-spacing:.02em}
h1{font-size:34px;line-height:1.15;letter-spacing:-.02em;margin:14px 0 14px;text-wrap:balance}
h2{font-size:13px;text-transform:uppercase;letter-spacing:.09em;color:var(--soft);margin:44px 0 14px;font-weight:650}
.badge{display:inline-block;border-radius:999px;padding:3px 12px;font-size:13px;font-weight:650}
.suspect{color:var(--red);background:var(--red-soft)}.notice{color:var(--amber);background:var(--amber-soft)}
.fine{color:var(--green);background:var(--green-soft)}.unknown{color:var(--soft);background:var(--grey-soft)}
.summary{font-size:18px;line-height:1.5;max-width:46em;margin:0;text-wrap:pretty}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;background:var(--rule);
border:1px solid var(--rule);border-radius:12px;overflow:hidden;margin:28px 0 0}
.tiles div{background:var(--card);padding:14px 18px}
.tiles dt{color:var(--soft);font-size:12.5px}.tiles dd{margin:2px 0 0;font-size:22px;font-weight:600;
letter-spacing:-.01em}
.tiles dd small{font-size:13px;font-weight:400;color:var(--soft);letter-spacing:0}
.card{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:20px 22px;margin:0 0 14px}
.case{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:6px 32px;align-items:start}
.case.single{grid-template-columns:minmax(0,1fr)}
.case h3,.plain h3{margin:0;font-size:18px;line-height:1.35;font-weight:650}
.kind{color:var(--soft);font-size:13px}
.figures{display:flex;flex-wrap:wrap;gap:4px 22px;margin:8px 0 10px;color:var(--soft);font-size:13.5px}
.figures b{color:var(--ink);font-size:16px}.figures .rate b{color:var(--red)}
.meter{display:inline-block;width:64px;height:6px;border-radius:3px;background:var(--grey-soft);overflow:hidden;
vertical-align:1px;margin-right:7px}.meter i{display:block;height:100%;background:var(--red)}
ul{margin:0;padding:0 0 0 17px}li{margin:2px 0}li::marker{color:var(--faint)}
.aliases{grid-column:1/-1;color:var(--soft);font-size:13.5px;margin:6px 0 0}
.next{grid-column:1/-1;margin:12px 0 0}
.next span{display:block;color:var(--soft);font-size:12.5px;margin-bottom:4px}
pre{margin:0;background:var(--code);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;
white-space:pre-wrap;
overflow-wrap:anywhere;line-height:1.6;font-size:13px}
.chart{display:block;width:100%;height:auto}.chart text{font-size:11.5px;fill:var(--faint)}
.chart .value{text-anchor:end}.grid{stroke:var(--rule);stroke-width:1}.line{fill:none;stroke:var(--red);
stroke-width:1.8;
stroke-linejoin:round;stroke-linecap:round}.area{fill:var(--red);opacity:.09}.now{fill:var(--red)}
.trend{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:2 4;opacity:.65}
.event{stroke:var(--amber);stroke-width:1.2;stroke-dasharray:1 3}
.loss .line{stroke:var(--blue)}.loss .area{fill:var(--blue)}.loss .now{fill:var(--blue)}
.free{margin-top:14px}.free p{display:flex;justify-content:space-between;gap:16px;margin:0 0 6px;color:var(--soft);
font-size:13.5px}
.free b{color:var(--ink)}
.bar{display:flex;gap:2px;height:30px;border-radius:8px;overflow:hidden;margin:14px 0}.bar i{display:block;
min-width:6px}
.a{background:var(--a)}.b{background:var(--b)}.c{background:var(--c)}.d{background:var(--d)}.e{background:var(--e)}
.f{background:var(--f)}
.swatch{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:9px}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-weight:600;text-align:left;color:var(--soft);font-size:12.5px}
td,th{padding:8px 14px 8px 0;border-top:1px solid var(--rule);vertical-align:top}tr:first-child>*{border-top:0}
td:last-child,th:last-child{padding-right:0}
.right{text-align:right;white-space:nowrap}.step{white-space:nowrap;font-weight:550}
.word{white-space:nowrap;width:1%}.word .badge{font-size:12px;padding:1px 9px}
.quiet{color:var(--soft)}.triage .answer{width:26%}
.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:5px 22px;margin:0;font-size:14px}
.facts dt{color:var(--soft)}.facts dd{margin:0}
.two{display:grid;grid-template-columns:1fr 1fr;gap:14px;align-items:start}.two .card{margin:0;height:100%}
.two h2{margin-top:0}.sections{margin-top:44px}
footer{color:var(--faint);font-size:12.5px;margin-top:40px;border-top:1px solid var(--rule);padding-top:14px}
.free{overflow-x:auto}
@media (max-width:760px){.free .chart{min-width:640px}.triage tr{display:block;padding:10px 0;
border-top:1px solid var(--rule)}.triage tr:first-child{border-top:0}.triage td{display:inline;border:0;
padding:0 8px 0 0}
.triage .answer::before,.triage .answer+td::before{content:"";display:block}.wide{overflow-x:auto}
main{padding:24px 16px}h1{font-size:27px}.case,.two{grid-template-columns:minmax(0,1fr)}
.facts{grid-template-columns:minmax(0,1fr);gap:0}.facts dd{margin-bottom:8px}}
@media print{body{font-size:10pt}main{max-width:none;padding:0}.card,tr,.tiles,.free{break-inside:avoid}
h2{break-after:avoid}.badge{border:1px solid currentColor;padding:1px 9px}pre{white-space:pre-wrap}
.bar,.meter,.swatch,.chart{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
"""No font, image or script is loaded from anywhere: the page is one file."""
