"""The words of the sentence generator: what is measured, how it moves, how that is judged.

Lists are written as text, entries separated by `;`. `{...}` marks a slot that sentences.py fills.
"""


def entries(text: str) -> list[str]:
    """The `;`-separated entries of a text block, whitespace folded."""
    return [" ".join(entry.split()) for entry in text.split(";") if entry.strip()]


# What is good when it grows and bad when it shrinks.
GOOD_WHEN_UP = entries("""
profit; net profit; operating profit; pretax profit; gross profit; underlying profit; profit before tax; net income;
earnings; core earnings; earnings per share; EPS; EBITDA; adjusted EBITDA; operating income; the operating result;
revenue; sales; net sales; turnover; organic sales; like-for-like sales; same-store sales; online sales; export
sales; car sales; retail sales; new car registrations; subscription revenue; advertising revenue; licensing income;
fee income; trading income; net interest income; rental income; royalties; demand; customer demand; demand for
{product}; orders; new orders; order intake; the order backlog; bookings; deliveries; shipments; sales volumes;
output; production; capacity utilisation; productivity; the margin; the gross margin; the operating margin; margins;
profitability; return on equity; return on capital; cash flow; free cash flow; cash generation; liquidity; the
capital ratio; the equity ratio; solvency; deposits; new lending; assets under management; fund inflows; premiums;
market share; customer numbers; passenger numbers; passenger traffic; subscriber numbers; user numbers;
subscriptions; occupancy; the load factor; footfall; visitor numbers; ticket sales; average revenue per user;
customer satisfaction; customer retention; employee satisfaction; consumer confidence; business confidence; investor
confidence; business sentiment; investor sentiment; industrial output; factory output; manufacturing activity;
economic growth; GDP; gross domestic product; employment; hiring; job creation; exports; private consumption;
household spending; housing starts; building permits; home sales; investment; the trade surplus; tourism revenue;
purchasing power; real wages; the share price; shares; the stock; the company's shares; bank stocks; technology
shares; the index; the FTSE 100; the dividend; shareholder returns; the value of the portfolio; house prices;
property values; credit quality; asset quality; the credit rating; royalty income; harvests; yields per hectare; the
quality of service; on-time performance; the success rate; delivery reliability; competitiveness
""")

# What is bad when it grows and good when it shrinks.
BAD_WHEN_UP = entries("""
costs; operating costs; production costs; labour costs; wage costs; energy costs; fuel costs; raw material costs;
input costs; freight costs; financing costs; funding costs; interest expenses; overheads; administrative expenses;
the cost base; unit costs; losses; the net loss; the operating loss; the quarterly loss; the loss before tax; the
loss per share; loan losses; credit losses; trading losses; underwriting losses; fraud losses; impairments;
write-downs; provisions; bad debts; non-performing loans; soured loans; arrears; delinquencies; defaults; mortgage
defaults; debt; net debt; borrowings; leverage; the debt burden; liabilities; the pension deficit; the budget
deficit; the trade deficit; the funding gap; claims; storm claims; the combined ratio; warranty claims; litigation
costs; customer complaints; churn; customer turnover; cancellations; returns of faulty goods; product recalls;
defects; accidents; delays; outages; downtime; the vacancy rate; vacancies; unsold inventory; excess stock;
overcapacity; staff turnover; absenteeism; unemployment; the unemployment rate; jobless claims; layoffs; job losses;
insolvencies; bankruptcies; foreclosures; inflation; consumer price inflation; energy prices for households;
borrowing costs; mortgage rates; taxes on the industry; import tariffs; trade barriers; political uncertainty;
tensions with suppliers; competition from discounters; price pressure; cost pressure; the risk of default; risk
premiums; credit spreads; bond spreads; volatility; fears of a recession; worries about the lender's health; the
backlog of complaints; waiting times; cash burn; outflows; fund outflows; regulatory risks
""")

# What is only big or small: no judgement either way.
NEITHER = entries("""
the number of employees; the number of shares; depreciation; capital expenditure; the balance sheet total; the tax
rate; the temperature in the cold store; the average maturity; the age of the fleet; the length of the contracts;
the share of part-time staff; the exchange rate used; the notional amount; the number of board members; the floor
area; the par value; the number of offices; the size of the sales force
""")

# (past, base, gerund, noun) of upward and downward movement.
UP_VERBS = [tuple(part.strip() for part in entry.split(",")) for entry in entries("""
rose, rise, rising, rise; increased, increase, increasing, increase; grew, grow, growing, growth; climbed, climb,
climbing, climb; jumped, jump, jumping, jump; surged, surge, surging, surge; soared, soar, soaring, surge; advanced,
advance, advancing, advance; gained ground, gain ground, gaining ground, gain; went up, go up, going up, increase;
moved higher, move higher, moving higher, upturn; doubled, double, doubling, doubling; nearly tripled, triple,
tripling, tripling; expanded, expand, expanding, expansion; swelled, swell, swelling, swelling; ballooned, balloon,
ballooning, ballooning; skyrocketed, skyrocket, skyrocketing, explosion; leapt, leap, leaping, leap; edged up, edge
up, edging up, uptick; inched higher, inch higher, inching higher, uptick; picked up, pick up, picking up, pick-up;
spiked, spike, spiking, spike; mounted, mount, mounting, build-up; accelerated, accelerate, accelerating,
acceleration; shot up, shoot up, shooting up, jump; ticked up, tick up, ticking up, uptick; crept up, creep up,
creeping up, increase; escalated, escalate, escalating, escalation; rocketed, rocket, rocketing, surge; hit a
record, hit a record, hitting records, record; reached a ten-year high, reach new highs, reaching new highs, peak;
multiplied, multiply, multiplying, multiplication; intensified, intensify, intensifying, intensification
""")]

DOWN_VERBS = [tuple(part.strip() for part in entry.split(",")) for entry in entries("""
fell, fall, falling, fall; dropped, drop, dropping, drop; declined, decline, declining, decline; decreased,
decrease, decreasing, decrease; slid, slide, sliding, slide; slipped, slip, slipping, slip; sank, sink, sinking,
slide; dipped, dip, dipping, dip; shrank, shrink, shrinking, contraction; contracted, contract, contracting,
contraction; plunged, plunge, plunging, plunge; plummeted, plummet, plummeting, plunge; tumbled, tumble, tumbling,
tumble; collapsed, collapse, collapsing, collapse; went down, go down, going down, decrease; moved lower, move
lower, moving lower, downturn; halved, halve, halving, halving; eased, ease, easing, easing; receded, recede,
receding, retreat; retreated, retreat, retreating, retreat; edged down, edge down, edging down, downtick; came down,
come down, coming down, reduction; diminished, diminish, diminishing, reduction; dwindled, dwindle, dwindling,
dwindling; slumped, slump, slumping, slump; crashed, crash, crashing, crash; evaporated, evaporate, evaporating,
evaporation; faded, fade, fading, fading; cooled, cool, cooling, cooling; slowed, slow, slowing, slowdown; abated,
abate, abating, easing; subsided, subside, subsiding, easing; hit a ten-year low, hit new lows, hitting new lows,
trough; cratered, crater, cratering, collapse; nosedived, nosedive, nosediving, nosedive; inched lower, inch lower,
inching lower, dip; dried up, dry up, drying up, drought; withered, wither, withering, shrinkage; were cut by a
third, be cut, being cut, cut; was reduced, be reduced, being reduced, reduction
""")]

# Judgement carried by the verb itself, whatever the subject (subjects from GOOD_WHEN_UP).
IMPROVED = entries("""
improved; strengthened; recovered; rebounded; bounced back; rallied; beat expectations; topped forecasts; exceeded
expectations; surpassed estimates; came in ahead of forecasts; was better than expected; outperformed; held up well;
proved resilient; gathered pace; gained momentum; developed favourably; returned to growth; stabilised after a long
slide; beat consensus; exceeded the previous year's level; outstripped forecasts; surprised on the upside; bottomed
out and turned higher; returned to pre-crisis levels; flourished; held firm despite the downturn; hit the upper end
of the target range; brightened; revived; recouped its losses; was stronger than analysts had predicted; defied the
gloom; smashed all records
""")
WORSENED = entries("""
deteriorated; weakened; worsened; disappointed; missed expectations; fell short of forecasts; undershot estimates;
trailed forecasts; lagged expectations; was worse than expected; underperformed; came in below consensus; suffered;
faltered; stalled; lost momentum; stagnated at a low level; ran out of steam; developed unfavourably; failed to
recover; came under pressure; surprised on the downside; took a hit; was weaker than analysts had predicted;
remained depressed; remained weak; stayed in the doldrums; eroded; languished; was short of the company's own
target; deteriorated further; sputtered; darkened; did not reach the previous year's level
""")
UNCHANGED = entries("""
was unchanged; remained unchanged; was flat; was stable; held steady; was level with a year earlier; was in line
with expectations; was as expected; matched forecasts; was on a par with the previous year; was the same as a year
ago; barely changed; was little changed; stayed at the same level; was roughly flat; met expectations; remained at
last year's level; was practically unchanged; moved sideways; did not change; neither rose nor fell; was close to
its long-term average
""")
STATED = entries("""
was {amount}; totalled {amount}; amounted to {amount}; stood at {amount}; came to {amount}; is calculated quarterly;
will be reported on {date}; will be published on {date}; is shown in note {n}; is measured at constant currencies;
was not disclosed; is reviewed by the auditors each year; is reported in euros; is expected to be at last year's
level; is estimated at {amount}; is forecast to stay flat; will be discussed at the meeting on {date}; is presented
by segment; excludes discontinued operations; includes the acquired business from {date} onwards
""")

GOOD_ADJECTIVES = entries("""
strong; robust; solid; healthy; record; brisk; excellent; buoyant; encouraging; better-than-expected;
stronger-than-expected; stellar; impressive; favourable; thriving; booming; upbeat; resilient; outstanding; bumper;
vigorous; promising; sparkling; surprisingly strong; sound; lively
""")
BAD_ADJECTIVES = entries("""
weak; poor; sluggish; disappointing; dismal; soft; lacklustre; feeble; worse-than-expected; weaker-than-expected;
bleak; unfavourable; faltering; slack; anaemic; gloomy; subdued; meagre; terrible; dire; depressed; surprisingly
weak; patchy; tepid; shaky; dwindling
""")

# Judging clauses about a company ({c}), in the past or present. Kept parallel where that is natural.
GOOD_EVENTS = entries("""
{c} raised its forecast for {year}; {c} lifted its full-year guidance; {c} increased its dividend; {c} resumed its
share buyback; {c} announced a share buyback of {amount}; {c} won a contract worth {amount} from {client}; {c}
secured an order from {client}; {c} landed a major deal with {client}; {c} received regulatory approval for
{product}; {c} was upgraded to {goodrating} by {broker}; {broker} raised its price target for {c}; {c} returned to
profit; {c} repaid its debt early; {c} refinanced its debt on better terms; {c} won its legal battle with {client};
a court dismissed the case against {c}; {c} gained market share; {c} beat analysts' forecasts; {c} is ahead of its
plan; {c} reached its targets early; {c} hired {n} new staff to meet demand; {c} opened a new plant to meet growing
demand; {c} solved its supply problems; {c} found a strong partner in {client}; {c} sold the business at a large
profit; {c} received a takeover bid at a premium of {pct}; {c} cut its losses; {c} reduced its debt by {amount}; {c}
narrowed its loss; {c} trimmed its costs by {pct}; {c} benefited from a weaker currency; {c} profited from rising
prices; {c} emerged stronger from the crisis; {c} avoided insolvency; {c} escaped a fine; {c} averted a strike; {c}
put its troubles behind it; {c} overtook its main rival; {c} outgrew the market; {c} doubled its profit; {c} boosted
its margin; {c} exceeded its own targets; {c} posted a record profit; {c} reported a surprise profit; {c} swung to a
profit from a loss; {c} delivered an excellent result; {c} made a flying start to the year; {c} completed the
project ahead of schedule and under budget; {c} expects a strong second half; {c} sees demand rising; {c} is
optimistic about {year}; {c} is confident of further growth; investors applauded the results of {c}; shareholders of
{c} will be rewarded with a special dividend; shares in {c} jumped {pct}; shares in {c} hit a record high; {c}
shares rallied; the market value of {c} rose by {amount}; {c}'s new {product} is a hit with customers; customers are
flocking to {c}; {c} won back lost customers; {c}'s turnaround is on track; {c}'s restructuring is paying off; {c}
no longer needs state aid; {c} was cleared of all charges; the rescue of {c} succeeded; lenders gave {c} fresh
funds; {c} reaped the benefits of its investments; {c} turned the corner; {c} is firing on all cylinders; {c}
shrugged off the downturn; {c} is back on its feet; {c} has the wind at its back; {c} stopped the rot; {c} is
reaping rewards; the sale of its loss-making unit will improve the profitability of {c}; the cooperation strengthens
the position of {c}; the deal opens new markets for {c}; {c} extended its lead over its rivals; the strike at {c}
ended; {c} reopened its plant after repairs; {c} regained its investment-grade rating; {c} expects to exceed its
forecast; {c} will not have to pay the fine; the court sided with {c}; the regulator dropped its probe of {c}; {c}
overcame its production problems; {c} secured the funding it needed; {c} met all of its targets; {c}'s drug
succeeded in a late-stage trial; {c} settled the dispute on favourable terms
""")
BAD_EVENTS = entries("""
{c} cut its forecast for {year}; {c} lowered its full-year guidance; {c} slashed its dividend; {c} suspended its
share buyback; {c} scrapped its dividend; {c} lost a contract worth {amount} with {client}; {client} cancelled its
order with {c}; {c} lost a major deal to {client}; {c} failed to win regulatory approval for {product}; {c} was
downgraded to {badrating} by {broker}; {broker} cut its price target for {c}; {c} slipped into the red; {c}
defaulted on its debt; {c} breached its loan covenants; {c} lost its legal battle with {client}; a court ruled
against {c}; {c} lost market share; {c} missed analysts' forecasts; {c} is behind its plan; {c} missed its targets;
{c} will lay off {n} staff because of weak demand; {c} closed a plant because of falling demand; {c} is struggling
with supply problems; {c} was dropped by its partner {client}; {c} sold the business at a heavy loss; the takeover
bid for {c} was withdrawn; {c} widened its losses; {c}'s debt grew by {amount}; {c} saw its loss widen; {c}'s costs
overran by {pct}; {c} suffered from a stronger currency; {c} was hurt by rising prices; {c} was badly hit by the
crisis; {c} filed for insolvency; {c} was fined {amount}; {c} faces a strike; {c}'s troubles are mounting; {c} fell
behind its main rival; {c} grew more slowly than the market; {c}'s profit halved; {c}'s margin shrank; {c} fell
short of its own targets; {c} posted a record loss; {c} reported a surprise loss; {c} swung to a loss from a profit;
{c} delivered a dismal result; {c} made a poor start to the year; {c} finished the project late and over budget; {c}
expects a weak second half; {c} sees demand falling; {c} is pessimistic about {year}; {c} warned of lower growth;
investors punished {c} for the results; shareholders of {c} will get no dividend; shares in {c} slumped {pct};
shares in {c} hit a record low; {c} shares tumbled; the market value of {c} fell by {amount}; {c}'s new {product} is
a flop; customers are deserting {c}; {c} lost key customers; {c}'s turnaround has stalled; {c}'s restructuring is
not paying off; {c} needs state aid; {c} was charged with fraud; the rescue of {c} failed; lenders refused {c} fresh
funds; {c} is paying the price for its mistakes; {c} is fighting for survival; {c} issued a profit warning; {c} was
hit hard by the downturn; {c} is on its knees; {c} is facing headwinds; {c} is in deep trouble; {c} is reeling; {c}
was forced to write down its assets; the loss of the contract weakens {c}; the ruling shuts {c} out of key markets;
{c} lost its lead over its rivals; workers at {c} went on strike; {c} shut its plant after an explosion; {c} lost
its investment-grade rating; {c} expects to miss its forecast; {c} will have to pay the fine; the court sided
against {c}; the regulator opened a probe of {c}; {c} is grappling with production problems; {c} could not secure
the funding it needed; {c} missed all of its targets; {c}'s drug failed in a late-stage trial; {c} recalled its
{product} over safety concerns; {c}'s chief executive quit abruptly; {c} was hacked and lost customer data; auditors
questioned the accounts of {c}; {c} is running out of cash; {c} is being sued over {product}
""")
NEUTRAL_EVENTS = entries("""
{c} kept its forecast for {year} unchanged; {c} reiterated its full-year guidance; {c} left its dividend unchanged;
{c} will pay its dividend on {date}; {c} will publish its results on {date}; {c} will hold its annual meeting on
{date}; {c} signed a contract with {client}; {c} is in talks with {client}; {c} did not disclose the terms of its
deal with {client}; {c} applied for regulatory approval for {product}; {broker} kept its hold rating on {c};
{broker} started coverage of {c} with a neutral rating; {c} is based in {city}; {c} employs {n} people; {c} has an
office in {city}; {c} makes {product}; {c} sells {product} in {city}; {c} was founded in {oldyear}; {c} has {n}
stores; {c} is listed in {city}; {c} moved its headquarters to {city}; {c} appointed a new finance director; {c}
named {person} as its new chief executive; {person} joined the board of {c}; {person} will leave the board of {c}
when the term ends; {c} changed its name; {c} changed its auditor; {c} will be split into two segments; {c} bought a
plot of land in {city}; {c} sold a property in {city}; {c} owns {pct} of the shares; {c} holds a stake of {pct} in
{client}; {c} sold its stake in {client}; {c} acquired {client}; {c} plans to acquire {client}; {c} and {client} set
up a joint venture; {c} will build a plant in {city}; {c} plans to open an office in {city}; {c} will start
deliveries in {year}; {c} delivers {product} to {client}; {c} leases its premises in {city}; {c} issued a bond of
{amount}; {c} took out a loan of {amount}; {c} declined to comment; a spokesman for {c} declined to comment; {c}
said it had no comment on the report; {c} met with {client} on {date}; {c} will present its strategy on {date}; {c}
uses {product} from {client}; shares in {c} were unchanged; shares in {c} were little changed; shares in {c} closed
at {price}; the shares of {c} are quoted in {city}; {c}'s results were in line with expectations; {c} has a market
value of {amount}; {c} publishes its figures every quarter; the share capital of {c} is {amount}; the annual report
of {c} is available online; the fiscal year of {c} ends in {month}; {c} will decide on the matter in {month}; {c} is
considering a listing in {city}; {c} plans to list in {city}; the offer for {c} expires on {date}; the merger of {c}
and {client} requires approval; {c} expects sales to be at last year's level; {c} expects no change in its
workforce; {c} operates in {n} countries; the contract between {c} and {client} runs until {year}; {c} will close
its books on {date}; {c} files its accounts in {month}; {c} has three business areas; {c} is owned by {client}; {c}
is a subsidiary of {client}; {c} supplies {client} with {product}; {c} pays interest twice a year
""")

GOOD_REASONS = entries("""
thanks to {goodadj} demand; helped by {goodadj} sales of {product}; on the back of {goodadj} orders; boosted by
lower costs; driven by growth in {city}; lifted by {goodadj} trading; supported by price increases; as customers
bought more {product}; as costs fell; as the economy recovered; after a {goodadj} quarter; as savings took effect;
reflecting {goodadj} market conditions; buoyed by {goodadj} demand for {product}
""")
BAD_REASONS = entries("""
because of {badadj} demand; hurt by {badadj} sales of {product}; amid {badadj} orders; weighed down by higher costs;
due to losses in {city}; dragged down by {badadj} trading; hit by price cuts; as customers bought less {product}; as
costs soared; as the economy slowed; after a {badadj} quarter; as delays mounted; reflecting {badadj} market
conditions; squeezed by {badadj} demand for {product}
""")

PRODUCTS = entries("""
heat pumps; steel; software; tyres; insulin; smartphones; electric cars; trucks; furniture; beer; coffee; salmon;
fertiliser; cement; paper; board; lifts; ships; engines; wind turbines; solar panels; batteries; microchips;
servers; sensors; medical devices; vaccines; cosmetics; shoes; clothing; toys; games; mortgages; insurance policies;
cranes; pumps; valves; glass; timber; copper; lithium; natural gas; crude oil; chemicals; paint; watches; cameras;
printers; routers; dairy products; chocolate; bicycles; aircraft; helicopters; railway cars; forklifts; dental
implants; hearing aids; pet food; luxury bags
""")
CLIENTS = entries("""
the defence ministry; a Chinese shipyard; a German carmaker; the city of {city}; a large retailer; the state
railway; its largest supplier; an American airline; a Nordic bank; a pension fund; a Japanese rival; a private
equity firm; a South Korean chipmaker; the health service; a French utility; {c2}; a mobile operator; an oil major;
a hospital group; an Indian partner; a family-owned competitor
""")
CITIES = entries("""
Oslo; Helsinki; Hamburg; Warsaw; Lyon; Milan; Madrid; Dublin; Leeds; Boston; Denver; Toronto; Lima; Santiago;
Mumbai; Jakarta; Hanoi; Osaka; Seoul; Sydney; Nairobi; Lagos; Cairo; Athens; Vienna; Prague; Riga; Vilnius; Antwerp;
Basel; Porto; Houston; Chicago; Shanghai; Dubai; Bergen
""")
BROKERS = entries("""
Garner Securities; Lindholm Bank; analysts at Marsh & Reed; the rating agency; Brookline Research; Sable Capital;
Pinnacle Brokers; Ostman Equity; an analyst at Cord Partners; Fitch; Moody's
""")
PERSONS = entries("""
Maria Santos; Erik Dahl; Sofia Petrov; James Whitlock; Li Wei; Amara Diallo; Jonas Weber; Priya Nair; Tom Hughes;
Elena Rossi; Mikko Laine; Karen O'Neill; Youssef Amin; Hanna Kivi; David Cohen; Grace Kim
""")
