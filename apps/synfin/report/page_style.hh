#pragma once
/// @file
/// The style sheet of the report's page. Light and dark follow the reader's system. Colours keep a contrast
/// of 4.5:1 to the background, and differ in lightness for readers who do not see colours apart.

#include <string_view>

namespace synfin::app {

inline constexpr std::string_view kPageStyle = R"css(
:root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--ink:#16191d;--soft:#59616b;--edge:#dfe3e7;--grid:#e8ebee;
--good:#0b6b3a;--good-bg:#e7f4ec;--bad:#b3261e;--bad-bg:#fcecea;--unsure:#7a5200;--unsure-bg:#fdf3dc;
--s0:#0b5fa5;--s1:#c2410c;--s2:#0f766e;--s3:#86198f;--s4:#6b6f76;--s5:#8a6100}
@media(prefers-color-scheme:dark){:root{--page:#101317;--card:#181c21;--ink:#e8ebee;--soft:#9fa8b2;--edge:#2b3138;
--grid:#262c33;--good:#6fd39a;--good-bg:#12291c;--bad:#ff9d94;--bad-bg:#331816;--unsure:#f2c463;--unsure-bg:#2e2410;
--s0:#6cb4f5;--s1:#ff9a62;--s2:#4fd0c0;--s3:#e29af0;--s4:#a9b1ba;--s5:#e6c35c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",
sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1180px;margin:0 auto;padding:28px 20px 48px}
header{margin-bottom:18px}
.brand{margin:0;color:var(--soft);font-size:13px;letter-spacing:.04em}
h1{margin:2px 0 4px;font-size:26px;line-height:1.25;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
.about{margin:0;color:var(--soft);overflow-wrap:anywhere}
h2{margin:34px 0 12px;font-size:18px;font-weight:650}
h3{margin:18px 0 8px;font-size:15px;font-weight:600}
.verdict{border:1px solid var(--edge);border-left:5px solid;border-radius:8px;padding:12px 16px;background:var(--card);
margin:0 0 12px}
.verdict p{margin:0;font-size:17px;font-weight:600}
.verdict ul{margin:6px 0 0;padding-left:20px;overflow-wrap:anywhere}
.verdict.good{border-left-color:var(--good);background:var(--good-bg)}.verdict.good p{color:var(--good)}
.verdict.bad{border-left-color:var(--bad);background:var(--bad-bg)}.verdict.bad p{color:var(--bad)}
.verdict.unsure{border-left-color:var(--unsure);background:var(--unsure-bg)}.verdict.unsure p{color:var(--unsure)}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:12px;margin:0;padding:0;list-style:none}
.tiles li,figure,.card{background:var(--card);border:1px solid var(--edge);border-radius:8px}
.tiles li{padding:12px 14px}
.tiles .name{color:var(--soft);font-size:13px}
.tiles .value{display:block;font-size:25px;line-height:1.25;font-weight:620;font-variant-numeric:tabular-nums;
letter-spacing:-.01em;white-space:nowrap}
.tiles .value small{font-size:14px;font-weight:500;color:var(--soft);letter-spacing:0}
.tiles .more{display:block;color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:14px}
figure{margin:0;padding:14px 16px 10px;min-width:0}
figcaption{font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:4px 0 10px;padding:0;list-style:none;font-size:13px;color:var(--soft);
overflow-wrap:anywhere}
.key{width:26px;height:8px;margin-right:6px;vertical-align:middle}
.plot{display:grid;grid-template-columns:62px minmax(0,1fr);grid-template-rows:200px 22px}
.y,.x{position:relative;font-size:12px;color:var(--soft);font-variant-numeric:tabular-nums}
.y span{position:absolute;right:8px;transform:translateY(50%);white-space:nowrap}
.x{grid-column:2}
.x span{position:absolute;top:5px;transform:translateX(-50%);white-space:nowrap}
.x .first{transform:none}.x .last{transform:translateX(-100%)}
.drawing{width:100%;height:100%;display:block;overflow:visible}
.grid,.axis,.line,.dots,.marks{fill:none;vector-effect:non-scaling-stroke}
.grid{stroke:var(--grid)}.axis{stroke:var(--soft);stroke-opacity:.6}
.band{fill:var(--soft);fill-opacity:.1}
.line{stroke-width:1.8;stroke-linejoin:round}
.dots{stroke-width:5;stroke-linecap:round;stroke-dasharray:none!important}
.marks{stroke-width:9;stroke-linecap:round;stroke-dasharray:none!important}.marks.s1{stroke-linecap:square;stroke-width:8}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1);stroke-dasharray:7 3}.s2{stroke:var(--s2);stroke-dasharray:2.5 2.5}
.s3{stroke:var(--s3);stroke-dasharray:9 3 2 3}.s4{stroke:var(--s4);stroke-dasharray:14 4}.s5{stroke:var(--s5);stroke-dasharray:4 2 1 2}
.hit{fill:transparent}.hit:hover{fill:var(--soft);fill-opacity:.18}
.note{margin:4px 0 0;font-size:13px;color:var(--soft)}
.pair{columns:2 380px;column-gap:14px}.pair .card{break-inside:avoid;margin-bottom:14px}
.card{padding:14px 16px;min-width:0}.card h3{margin-top:0}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--edge);border-radius:8px}
.card .scroll,details .scroll{border:0;border-radius:0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 14px;text-align:right;white-space:nowrap;border-top:1px solid var(--grid)}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:13px}
th:first-child,td:first-child{text-align:left}
tbody th{font-weight:500}
td.text,.texts td{text-align:left;white-space:normal;overflow-wrap:anywhere}
tr:first-child th,tr:first-child td{border-top:0}thead+tbody tr:first-child th,thead+tbody tr:first-child td{border-top:1px solid var(--grid)}
.word{font-weight:600;white-space:nowrap}.word.good{color:var(--good)}.word.bad{color:var(--bad)}.word.unsure{color:var(--unsure)}
.bars{margin:0;padding:0;list-style:none}
.bars li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:0 12px;padding:4px 0}
.bars .bar{grid-column:1/3;height:7px;border-radius:2px;background:var(--grid);overflow:hidden}
.bars .bar i{display:block;height:100%;background:var(--s0);border-radius:2px}.bars.faults .bar i{background:var(--s1)}
.bars .n{font-variant-numeric:tabular-nums}.bars .what{overflow-wrap:anywhere}
details{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:10px 16px;margin-bottom:10px}
summary{cursor:pointer;font-weight:600}
pre{margin:10px 0 4px;overflow-x:auto;font:13px/1.45 ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace}
.badge{display:inline-block;min-width:1.7em;padding:0 .4em;margin-right:.4em;border-radius:4px;background:var(--s4);
color:var(--card);font-weight:650;font-size:13px;text-align:center}
.r0{background:var(--s0)}.r1{background:var(--s1)}.r2{background:var(--s2)}.r3{background:var(--s3)}.r4{background:var(--s4)}.r5{background:var(--s5)}
.list{margin:0;padding-left:20px;overflow-wrap:anywhere}
footer{margin-top:36px;color:var(--soft);font-size:13px}
@media(max-width:520px){main{padding:18px 12px 36px}h1{font-size:21px}.tiles{grid-template-columns:repeat(2,minmax(0,1fr));gap:8px}
.tiles .value{font-size:19px}figure,.card{padding:12px 12px 8px}.plot{grid-template-columns:54px minmax(0,1fr)}th,td{padding:6px 9px}}
@media print{body{background:#fff}.tiles li,figure,.card,.scroll{break-inside:avoid}}
)css";

}  // namespace synfin::app
