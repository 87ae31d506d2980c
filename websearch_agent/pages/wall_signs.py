"""What walls, missing pages and servers in trouble say, in the languages of most pages.

All patterns are for short texts only (see `walls.py`) and in lower case. `titles` must match
a whole part of the title or of the first heading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from websearch_agent.errors import PageError, PageMissing, PageUnreachable, PageWalled

_TITLE_PART = re.compile(r"\s+[-–—|·:»«_]+\s+|[|_]|(?<=[^\W\d_]):\s+|\s*[-–—](?=[^\x00-\x7f])")


@dataclass(frozen=True, slots=True)
class Sign:
    """One kind of page that stands for another one.

    `phrases` are found in its sentences. `marks` stand in the markup of such pages and hardly in
    others; `hints` and a password field in others too. A short page with one of `sure_titles` is
    nothing else. Up to a weight of `longest_told` the phrases alone are enough: instructions for
    logging in and notices of maintenance are mostly longer than the walls that say such things.
    `form_titles` are titles only beside a hint or a password field. Without `needed` somewhere
    in the text, the phrases say something else (cookies are also baked).
    """

    error: type[PageError]
    reason: str
    phrases: re.Pattern[str]
    titles: re.Pattern[str]
    marks: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    sure_titles: re.Pattern[str] | None = None
    form_titles: re.Pattern[str] | None = None
    needed: re.Pattern[str] | None = None
    has_password_field: bool = False
    longest_told: int = 900


# In the markup of a robot check and hardly of anything else.
CHALLENGE_MARKS = (
    "_cf_chl_opt",
    "captcha-delivery.com",
    "px-captcha",
    "_incapsula_resource?swudnsai",
    "_incapsula_resource?cwudnsai",
    "sgcaptcha",
    "anubis_challenge",
    "sucuri_cloudproxy_js",
    "wappass.baidu.com",
    "passport.weibo.com/visitor",
    "acw_sc__v2",
    "__jsl_clearance",
    "x5secdata",
    "turing.captcha.qcloud.com",
    "awswafcookiedomainlist",
)

ROBOT_CHECK = Sign(
    PageWalled,
    "the page shows a robot check instead of its text",
    phrases=re.compile(
        r"check(?:ing|s)? (?:your|if the site|the site) (?:browser|connection)"
        r"|(?:verify|verifying|confirm|confirming|prove|making sure|ensure|check)(?: that)?"
        r" (?:you are|you're|you’re)(?: a)? ?(?:human|not a (?:ro)?bot)"
        r"|are you (?:a )?(?:human|robot)|(?:i'm|i am) not a robot"
        r"|unusual (?:traffic|activity) (?:from|on|has)"
        r"|automated (?:requests|queries|access|traffic|tools?)"
        r"|(?:complete|solve|pass|answer) (?:the|this|a) "
        r"(?:captcha|security check|puzzle|challenge)"
        r"|press (?:and|&) hold|review the security of your connection|ddos protection by"
        r"|access (?:to this (?:page|site|resource|website) )?(?:has been |is |was )?"
        r"(?:denied|blocked)"
        r"|(?:you|your (?:ip|request|access)(?: address)?)(?: have| has)?(?: been|'re| are| was)"
        r" (?:temporarily )?(?:blocked|denied|rate.?limited)"
        r"|you don.t have permission to access|reference #\d|ray id|incident id"
        r"|just a moment|pardon our interruption|security (?:service|solution) to protect"
        r"|安全验证|安全驗證|人机验证|機器人驗證|真人验证|身份验证后|请完成.{0,6}验证|完成验证后"
        r"|(?:滑动|拖动|点击|按住).{0,8}(?:验证|滑块)|请输入验证码|輸入驗證碼|访问(?:过于|太)频繁"
        r"|操作(?:过于|太)?频繁|(?:环境|流量|访问|请求).{0,4}异常|请求.{0,8}(?:拦截|拒绝)"
        r"|您的?(?:ip|访问).{0,10}(?:限制|拦截|封禁|禁止)|不是(?:机器人|機器人)"
        r"|ロボットでは(?:ない|ありません)|アクセスが(?:拒否|制限)|(?:보안|로봇).{0,8}확인"
        r"|kein roboter|ein mensch sind|pas un robot|êtes (?:un )?humain"
        r"|no (?:soy|eres|es) un robot"
        r"|não (?:sou|é) um robô|вы не робот|non sei un robot",
    ),
    titles=re.compile(
        r"just a moment|one moment,? please|please wait|attention required!?"
        r"|access (?:denied|blocked)"
        r"|(?:robot|bot|human|security|captcha|browser) (?:check|challenge|verification)"
        r"|(?:are you a robot|verify(?:ing)? you are (?:a )?human|pardon our interruption)\??"
        r"|making sure you're not a bot!?|ddos.guard|sina visitor system|captcha|blocked|forbidden"
        r"|(?:403|error 403)(?: forbidden)?|.{0,4}安全验证|.{0,4}安全驗證|人机验证|滑动验证"
        r"|验证(?:码|中心)?|访问验证|访问(?:被拒绝|受限|异常)|禁止访问",
    ),
    marks=CHALLENGE_MARKS,
    hints=(
        "g-recaptcha",
        "h-captcha",
        "hcaptcha.com/1/api",
        "cf-turnstile",
        "token.awswaf.com",
        "tcaptcha.js",
        "nocaptcha",
        "geetest",
    ),
)

_SCRIPTS = Sign(
    PageWalled,
    "the page needs a browser with scripts and shows no text without one",
    longest_told=400,
    phrases=re.compile(
        r"(?:please |have to |need to |must |to )(?:enable|activate|turn on|allow|switch on)"
        r" (?:java ?script|js|cookies)\b"
        r"|^(?:enable|activate|turn on) (?:java ?script|js)\b"
        r"|(?:requires?|needs?) (?:java ?script|js)\b"
        r"|java ?script (?:is|must be|has been|needs to be|(?:seems|appears) to be)"
        r" (?:currently )?(?:disabled|required|enabled|turned off|not (?:enabled|supported))"
        r"|without java ?script|enable java ?script (?:and|to|in)"
        r"|your browser (?:does not|doesn't|isn't|is not|is out|is no longer|is outdated)"
        r"|(?:启用|啟用|开启|開啟|打开|支持|支援|允许)\s*java ?script|浏览器版本(?:过低|太低)"
        r"|不支持您的浏览器|java ?script ?を(?:有効|オン)|java ?script.{0,6}(?:활성화|사용)"
        r"|java ?script (?:aktivieren|ist deaktiviert|zu aktivieren)"
        r"|activ(?:er|ez) (?:le )?java ?script"
        r"|(?:habilit|activ)(?:e|ar|a) (?:el |o )?java ?script|ative o java ?script"
        r"|включ(?:ите|ить) java ?script|(?:attiva|abilita)(?:re)? java ?script",
    ),
    titles=re.compile(
        r"java ?script (?:is )?(?:required|disabled)|(?:browser )?(?:not |un)supported(?: browser)?"
    ),
)

_CONSENT = Sign(
    PageWalled,
    "the page asks for consent to cookies or tracking instead of showing its text",
    phrases=re.compile(
        r"(?:accept|reject|refuse|allow|agree to) (?:all|cookies|and (?:continue|close))"
        r"|(?:use|store|set)s? .{0,40}\bcookies|cookies? (?:policy|settings|preferences|notice)"
        r"|we value your privacy|before you continue|your privacy (?:choices|rights|settings)"
        r"|(?:manage|more) (?:options|preferences|settings|consent|cookies)|legitimate interest"
        r"|our (?:\d+ )?partners|(?:give|withdraw|your|of) consent|consent to"
        r"|alle akzeptieren|cookies? .{0,40}(?:zustimm|akzeptier|einwillig)|einwilligung"
        r"|mit werbung (?:weiter)?lesen|tout accepter|accepter (?:et|les cookies)"
        r"|continuer sans accepter|consentement|acept(?:ar|o) (?:todas?|y |las cookies)"
        r"|accetta (?:tutti|e continua)|aceitar (?:todos|cookies)"
        r"|(?:同意|接受).{0,10}(?:cookie|隐私|隱私)|cookie.{0,12}(?:同意|接受)"
        r"|(?:принять|согласие на).{0,20}(?:cookie|файл)",
    ),
    titles=re.compile(
        r"before you continue.{0,30}|cookie (?:consent|wall|notice)|we value your privacy"
        r"|your privacy (?:choices|settings)|consent|datenschutz.?einstellungen",
    ),
    needed=re.compile(
        r"accept|agree|consent|reject|refuse|privacy|partner|advert|personali[sz]|preferences"
        r"|settings|policy|akzept|zustimm|einwillig|consentimiento|acept|accett|aceit|同意|接受"
        r"|隐私|隱私|принять|согласие"
    ),
)

_LOGIN = Sign(
    PageWalled,
    "the page wants a login or a subscription before it shows its text",
    longest_told=400,
    phrases=re.compile(
        r"(?:please|must|need to|have to|first)(?: be)? (?:log|sign|logged|signed).?in\b(?! as\b)"
        r"|(?:log|sign).?in(?:to your account)? (?:to|with|or|is required|required|using|here)"
        r"|logged in to|forgot(?:ten)? (?:your )?(?:password|username)|remember me"
        r"|(?:don't|do not) have an account|create (?:an|your|a new) account|stay signed in"
        r"|already (?:a|have an) (?:subscriber|member|account)"
        r"|subscribe to (?:continue|read|unlock|keep reading|get access)|to continue reading"
        r"|(?:only|reserved|available|exclusively) (?:for|to) (?:our )?(?:paid )?"
        r"(?:subscribers|members|registered)"
        r"|请(?:先)?登[录陆入]|請(?:先)?登[錄入]|登[录錄]后|登入後|(?:登录|登入|登錄)(?:/|或|并|、)"
        r"|扫码登录|(?:忘记|忘記)密[码碼]|(?:密码|验证码|短信|账号)登录|立即登录|还没有账号"
        r"|(?:开通|订阅|成为)(?:会员|vip).{0,8}(?:阅读|查看|继续|可)|会员(?:专享|可见)"
        r"|ログインして|ログインが必要|パスワードを忘れ|로그인(?:이 필요|해 주|후)"
        r"|melden sie sich an|bitte (?:einloggen|anmelden)|passwort vergessen|jetzt anmelden"
        r"|connectez-vous|mot de passe oublié|identifiez-vous|réservé aux abonnés"
        r"|inicia(?:r)? sesión|olvidaste tu contraseña|esqueceu (?:a|sua) senha"
        r"|accedi (?:per|a|con)"
        r"|войдите|авторизуйтесь|забыли пароль",
    ),
    titles=re.compile(
        r"(?:please )?(?:log|sign).?in(?: required| page| form)?"
        r"|login|member login|authentication required|用户登[录陆]|(?:请)?登[录陆入](?:页面?)?"
        r"|会员登[录陆]|統一登入|统一身份认证.{0,6}|anmelden|anmeldung|einloggen"
        r"|connexion|se connecter"
        r"|iniciar sesión|entrar|ログイン|로그인|вход|авторизация",
    ),
    form_titles=re.compile(r"(?:log|sign) in (?:to|or) .{1,40}"),
    has_password_field=True,
)

_MISSING = Sign(
    PageMissing,
    "the site says that it does not have this page (any more)",
    phrases=re.compile(
        r"(?:page|file|url|link|address|content|article|document|resource|topic|post|product|item"
        r"|thread|listing|video|story|requested|looking for).{0,60}"
        r"(?:(?:not|n't|n’t|cannot|unable to) (?:be )?(?:found|find|located?|displayed|exist)"
        r"|no longer (?:available|exist|here|active|online)"
        r"|(?:been|was|were) (?:re)?moved|been (?:deleted|archived)|has (?:expired|moved))"
        r"|(?:can't|can’t|cannot|couldn't|couldn’t|could not|unable to|not able to)"
        r" (?:seem to )?(?:find|locate) (?:the|that|this|what|your)"
        r"|^(?:error )?404\b|404 (?:error|not found)|^(?:page )?not found|nothing (?:was )?found"
        r"|(?:check|mistyped) the (?:url|address|spelling)|(?:broken|outdated|dead) link"
        r"|(?:页|頁|文章|内容|內容|链接|連結|帖子|主题|主題|视频|影片|商品|地址|文件|信息).{0,8}"
        r"(?:不存在|找不到|未找到|无法(?:找到|访问|显示)|走丢|丢失|失效|过期"
        r"|已(?:经)?(?:被.{0,6})?(?:删除|刪除|移除|下线|下架|失效|隐藏))"
        r"|(?:找不到|未找到|没有找到|沒有找到|无法找到).{0,12}(?:页|頁|文件|内容|內容|文章)"
        r"|(?:抱歉|对不起|很遗憾).{0,14}(?:不存在|找不到|没有找到|删除)"
        r"|seite .{0,30}(?:nicht gefunden|existiert nicht|nicht mehr|nicht verfügbar)"
        r"|page .{0,30}(?:introuvable|n'existe|n’existe|pas trouvée)|introuvable"
        r"|página .{0,30}(?:no (?:encontrada|existe|se)|não (?:encontrada|existe))"
        r"|pagina .{0,20}(?:non (?:trovata|esiste)|niet gevonden)|niet gevonden"
        r"|страница .{0,20}не (?:найдена|существует)|strona .{0,20}nie (?:została|istnieje)"
        r"|(?:ページ|記事).{0,12}(?:見つかりません|存在しません|削除)|お探しの(?:ページ|記事)"
        r"|페이지를 찾을 수 없|존재하지 않는",
    ),
    titles=re.compile(
        r"(?:http |error |oops!? )?(?:404|410)(?:[:!. -]*(?:error|gone|page|not found|页面?|頁面)"
        r"|[:!. -]*(?:the )?(?:page|file) (?:was )?not found)*[!.]?"
        r"|(?:file|article|content|document|item|post|topic|url)?"
        r" ?(?:was |is |could |cannot |can't )?(?:not (?:be )?found|be found)[!.]?"
        r"|page (?:unavailable|missing|gone|error)|nothing found|404.{0,4}(?:页面|错误).{0,6}",
    ),
    sure_titles=re.compile(
        r"(?:oops!? |sorry,? |the |this |that )*page (?:was |is |could |cannot |can't )?"
        r"(?:not (?:be )?found|be found)|page (?:does not|doesn't) exist"
        r"|(?:oops!? |sorry,? )*(?:we )?(?:can't|couldn't|could not|cannot)"
        r" find (?:that|this|the) page"
        r"|(?:您.{0,6}的)?(?:页面|頁面|网页|網頁|文章|内容|链接).{0,6}"
        r"(?:不存在|找不到|未找到|已删除|走丢了)"
        r"|(?:找不到|未找到|没有找到)(?:该|您.{0,6}的)?(?:页面|頁面|网页|網頁|文件|内容)"
        r"|(?:fehler 404.{0,4})?seite (?:wurde )?nicht gefunden"
        r"|(?:erreur 404.{0,4})?page (?:introuvable|non trouvée)"
        r"|página no encontrada|página não encontrada|pagina non trovata|pagina niet gevonden"
        r"|страница не найдена|(?:お探しの)?ページが見つかりません.{0,4}|페이지를 찾을 수 없.{0,6}",
    ),
)

_TROUBLE = Sign(
    PageUnreachable,
    "the site shows an error of its own instead of the page",
    longest_told=400,
    phrases=re.compile(
        r"internal server error|bad gateway|(?:service|site|website|page|temporarily)"
        r" (?:is )?(?:temporarily |currently )?(?:unavailable|overloaded)|gateway time.?out"
        r"|establishing a database connection|(?:down|closed|undergoing|under|scheduled)"
        r" (?:for )?(?:planned |scheduled )?maintenance|(?:an |unexpected )error (?:has )?occurred"
        r"|something went wrong|(?:try|come|check) (?:again|back) (?:later|soon|in a)"
        r"|系统(?:繁忙|维护|错误|异常|升级)|系統(?:繁忙|維護|錯誤)|服务器(?:繁忙|错误|内部|开小差)"
        r"|(?:网站|站点)(?:正在)?(?:维护|升级|关闭)|服务(?:暂时)?不可用|(?:稍后|稍候)(?:再试|重试|访问)"
        r"|メンテナンス中|wartungsarbeiten|en maintenance|en mantenimiento",
    ),
    titles=re.compile(
        r"(?:http |error |http error )?(?:500|502|503|504|52\d)"
        r"(?:[:!. -]*(?:error|internal server error|bad gateway"
        r"|service (?:temporarily )?unavailable|gateway time.?out))*"
        r"|(?:internal )?server error|bad gateway|service unavailable"
        r"|gateway time.?out|database error|(?:site |under |scheduled )maintenance"
        r"|application error|something went wrong|系统(?:错误|繁忙|维护|发生错误)"
        r"|服务器(?:错误|内部错误)|网站维护",
    ),
)

_AGE = Sign(
    PageWalled,
    "the page asks how old the visitor is instead of showing its text",
    longest_told=400,
    phrases=re.compile(
        r"(?:you must|must you|i am|you are|are you|i'm|you're) (?:be )?(?:at least |over |of )?"
        r"(?:the age of )?(?:1[68]|21|legal)\b|(?:of|over|under) (?:the )?legal"
        r" (?:drinking |smoking )?age"
        r"|(?:verify|confirm|enter|check|provide) your (?:age|date of birth|birth)|age.restricted"
        r"|(?:sind sie|bist du|ich bin) (?:über|mindestens|schon|unter) 1[68]"
        r"|(?:avez-vous|j'ai|vous avez) (?:plus de |au moins )?18 ans"
        r"|(?:eres|soy|es usted) mayor de (?:edad|18)|(?:sou|é) maior de (?:idade|18)"
        r"|(?:年满|年滿|已满|已滿|未满|未滿)\s*(?:18|十八)|18歳(?:以上|未満)"
    ),
    needed=re.compile(
        r"(?:enter|access|view|visit|continue|see).{0,20}\b(?:site|website|page|content|store|shop)"
        r"|(?:verify|confirm) your (?:age|date of birth)|age.restricted"
        r"|^are you (?:over|at least|of)"
        r"|进入|進入|访问|訪問|浏览|本站|网站|網站|seite|accéder|entrer|entrar|acceder|サイト"
    ),
    titles=re.compile(
        r"age (?:verification|check|gate|confirmation|restricted|restriction)"
        r"|(?:are )?you (?:over|at least) (?:1[68]|21)\??|altersprüfung|年龄(?:验证|确认)|年齢確認"
    ),
)

_REGION = Sign(
    PageWalled,
    "the site does not show this page in the country that is asking",
    longest_told=400,
    phrases=re.compile(
        r"(?:not|n't|no longer|un) ?(?:currently |yet )?(?:available|accessible|supported|offered)"
        r" (?:in|from|to|for)(?: users| visitors| readers| people)?(?: in| from)?"
        r" (?:your|the european|most european|certain) ?"
        r"(?:current |economic )?(?:region|country|countries|location|area|territory|union|market)"
        r"|unavailable (?:due to|for) legal reasons|(?:recognize|see) you are attempting to access"
        r"|access cannot be granted|(?:cannot|can't) grant you access"
        r"|in (?:ihrem|deinem|ihrer|deiner) (?:land|region) (?:leider )?nicht verfügbar"
        r"|pas (?:encore )?disponible dans votre (?:pays|région)"
        r"|no está disponible en (?:tu|su) (?:país|región)"
        r"|não está disponível (?:no seu país|na sua região)"
        r"|недоступ\w+ в ваше[мй] (?:стране|регионе)"
        r"|所在的?(?:地区|國家|国家|區域|区域).{0,12}(?:不可用|无法|暂不|不支持|不提供|未开放|無法)"
        r"|お住まいの(?:国|地域)では.{0,12}(?:ません|できません)"
    ),
    titles=re.compile(
        r"(?:451|error 451|http 451)(?:[:!. -]*unavailable (?:for|due to) legal reasons)?"
        r"|unavailable (?:for|due to) legal reasons"
        r"|(?:content )?(?:not available|unavailable) in your (?:region|country|location|area)"
    ),
)

_PARKED = Sign(
    PageMissing,
    "the domain is parked or for sale; the page is gone",
    longest_told=400,
    phrases=re.compile(
        r"(?:^|this |your )domain (?:name )?.{0,40}"
        r"(?:for sale|is parked|has expired|available for purchase|be for sale)"
        r"|(?:buy|purchase|acquire|own|inquire about) this domain"
        r"|parked (?:free|domain|by|for free)"
        r"|域名.{0,10}(?:出售|转让|停放|到期|过期|待售)|domain (?:steht|ist) .{0,12}verkauf"
        r"|domaine .{0,16}(?:à vendre|en vente)|dominio .{0,16}(?:en venta|in vendita)",
    ),
    titles=re.compile(
        r".{0,60}(?:is for sale|domain is parked|domain (?:name )?for sale|parked domain)!?"
    ),
    marks=("sedoparking.com", "parkingcrew.net", "bodis.com"),
)

SIGNS = (ROBOT_CHECK, _REGION, _MISSING, _PARKED, _SCRIPTS, _LOGIN, _AGE, _CONSENT, _TROUBLE)


def title_parts(heading: str) -> Iterator[str]:
    """The whole heading, then what its separators part, in lower case."""
    heading = " ".join(heading.replace("’", "'").lower().split())
    for part in dict.fromkeys([heading, *_TITLE_PART.split(heading)]):
        if stripped := part.strip(" .…!-–—"):
            yield stripped
