"""Walls, missing pages and empty shells are refused; pages that only talk of them are read."""

import pytest

from websearch_agent.errors import PageEmpty, PageError, PageMissing, PageUnreachable, PageWalled
from websearch_agent.pages.extract import extract_page

PARAGRAPH = "<p>The harbour was built in 1904 and has been used by fishing boats ever since.</p>"


HOT_LIST = "<h2>热门文章</h2><ul>{}</ul>".format(
    "".join(
        f"<li><a href=/{number}>第{number}篇文章，讲的是这座城市里发生的许多事情</a></li>"
        for number in range(40)
    )
)
RECENT_POSTS = "<h2>Recent posts</h2><ul>{}</ul>".format(
    "".join(
        f"<li><a href=/{number}>A post on harbour number {number} and its boats</a> 3 May</li>"
        for number in range(40)
    )
)
PREVIEWS = "".join(
    f"<h3><a href=/{number}>Harbour number {number}</a></h3><p>It was built in {1900 + number} and "
    "boats have used it ever since.</p>"
    for number in range(40)
)
TERMS = "".join(
    f"<p>By signing in you agree to part {number} of our terms, which say how we handle what you "
    "write and what your rights are.</p>"
    for number in range(14)
)


def read(title: str, body: str) -> str:
    html = f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"
    page = extract_page(html.encode(), url="https://a.example/p", content_type="text/html")
    return page.text


def refusal(title: str, body: str) -> PageError:
    with pytest.raises(PageError) as caught:
        read(title, body)
    return caught.value


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Just a moment...", "<noscript>Enable JavaScript and cookies to continue</noscript>"
         "<script>window._cf_chl_opt={}</script>"),
        ("Just a moment...", "<p>Verify you are human by completing the action below.</p><p>"
         "a.example needs to review the security of your connection before proceeding.</p>"),
        ("a.example", "<p>Please enable JS and disable any ad blocker</p>"
         "<script>var dd={'host':'geo.captcha-delivery.com'}</script>"),
        ("Access to this page has been denied", "<div id=px-captcha></div><h1>Press & Hold to "
         "confirm you are a human (and not a bot).</h1>"),
        ("Access Denied", "<h1>Access Denied</h1>You don't have permission to access this page on "
         "this server.<p>Reference #18.2f</p>"),
        ("", "<iframe src='/_Incapsula_Resource?SWUDNSAI=31'>Request unsuccessful.</iframe>"),
        ("Making sure you're not a bot!", "<h1>Making sure you're not a bot!</h1><p>Loading...</p>"
         "<p>This site is short of money for its machines, and programs that load all of its pages "
         "made it slow for everybody, so your browser solves a small task first.</p>"
         "<script id=anubis_challenge></script>"),
        ("百度安全验证", "<div>网络不给力，请稍后重试</div>"
         "<script src=//wappass.baidu.com/x></script>"),
        ("安全验证 - 知乎", "<p>系统监测到您的网络环境存在异常，请点击下方验证按钮进行验证。</p>"),
        ("微信公众平台", "<p>环境异常</p><p>当前环境异常，完成验证后即可继续访问。</p>"),
        ("Sina Visitor System", "<script src=//passport.weibo.com/visitor/x></script>"),
        ("验证码拦截", "<p>亲，请拖动下方滑块完成验证</p><p>通过验证以确保正常访问</p>"),
        ("", "<script>document.cookie='acw_sc__v2='</script>"),
        ("Site", "<p>访问过于频繁，请完成安全验证后继续浏览本网站的其他内容，谢谢您的配合。</p>"),
    ],
)  # fmt: skip
def test_robot_check_is_a_wall(title: str, body: str) -> None:
    error = refusal(title, body)
    assert isinstance(error, PageWalled)
    assert "robot check" in error.message


@pytest.mark.parametrize(
    ("title", "body", "reason"),
    [
        ("Before you continue", "<p>We use cookies and data to deliver services and measure who "
         "visits us.</p><p>If you choose Accept all, we will use cookies for more.</p>", "consent"),
        ("Zeitung", "<h2>Mit Werbung weiterlesen</h2><p>Mit Klick auf Alle akzeptieren geben Sie "
         "Ihre Einwilligung, dass wir Cookies setzen.</p>", "consent"),
        ("Log in to Network", "<form><input type=password></form><a>Forgot password?</a>", "login"),
        ("Jobs: Log In or Sign Up", "<h1>Sign in to see who you already know</h1>"
         "<form><input type=password></form><p>You agree to the terms of this site.</p>", "login"),
        ("登录 - 论坛", "<p>您需要登录才可以下载或查看，没有账号？</p>"
         "<form><input type=password></form>", "login"),
        ("Sign in · Forum", "<h1>Sign in</h1><p>You must log in to view this page.</p>"
         f"<form><input type=password></form>{TERMS}", "login"),
        ("Age verification", "<h1>Are you over 18?</h1><p>You must be 18 years or older to enter "
         "this site. Please verify your age to continue.</p>", "how old"),
        ("酒类商城", "<p>您是否已满18周岁？</p><p>本站含有酒类信息，未满十八岁请勿进入。</p>",
         "how old"),
        ("Vineyard", "<h2>Are you of legal drinking age?</h2><button>Yes</button>", "how old"),
        ("Not available", "<p>Sorry, this content is not available in your region.</p>", "country"),
        ("视频", "<p>抱歉，您所在的地区暂不支持播放该视频，请观看其他视频。</p>", "country"),
        ("Big story", "<h1>Big story</h1><p>Subscribe to continue reading.</p><p>This article is "
         "only for subscribers. Already a subscriber? Log in here.</p>", "subscription"),
        ("App", "<noscript>You need to enable JavaScript to run this app.</noscript>"
         "<div id=root></div><script src=a.js></script>", "scripts"),
        ("后台", "<noscript>请启用 JavaScript 后继续使用。</noscript><div id=app></div>",
         "scripts"),
        ("App", "<div id=app><p>Loading...</p></div><script src=a.js></script>"
         "<footer>© 2024 Company. All rights reserved. Terms of use</footer>", "scripts"),
    ],
)  # fmt: skip
def test_consent_login_and_script_walls_are_told_apart(title: str, body: str, reason: str) -> None:
    error = refusal(title, body)
    assert isinstance(error, PageWalled)
    assert reason in error.message


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Page not found | Shop", "<h1>Oops! That page can't be found.</h1><p>Maybe try a search "
         "for what you need, or look at these red shoes for the summer, made by hand.</p>"),
        ("404 - Company", "<h1>404</h1><p>Sorry, the page you are looking for doesn't exist or has "
         "been moved.</p>"),
        ("Shop", "<h1>We couldn’t find that page</h1>" + PARAGRAPH * 3),
        ("页面不存在_新闻网", "<p>抱歉，您访问的页面不存在或已被删除！</p>"
         "<p>5秒后自动返回首页</p>"),
        ("", "<p>该内容已被发布者删除</p>"),
        ("Seite nicht gefunden – Amt", "<p>Bitte nutzen Sie die Suche oder das Verzeichnis.</p>"),
        ("ページが見つかりません", "<p>お探しのページは見つかりませんでした。</p>"),
        ("harbour.example", "<h1>harbour.example</h1><p>This domain may be for sale.</p>"),
        ("404 页面不存在 - 某网", "<h1>您访问的页面不存在</h1><p>页面可能已被删除</p>" + HOT_LIST),
        ("Page not found – Blog", "<main><h1>Page not found</h1><p>It looks like nothing was found "
         f"at this location. Maybe try a search?</p>{RECENT_POSTS}</main>"),
        ("Page not found – Blog", "<main><h1>404</h1><p>Oops! That page can’t be found.</p>"
         f"{PREVIEWS}</main>"),
        ("域名出售", "<p>您访问的域名正在出售，如有意向请联系我们。</p>"),
    ],
)  # fmt: skip
def test_page_that_says_with_status_200_that_it_does_not_exist_is_missing(
    title: str, body: str
) -> None:
    assert isinstance(refusal(title, body), PageMissing)


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("503 Service Temporarily Unavailable", "<h1>503 Service Temporarily Unavailable</h1>"),
        ("Database Error", "<h1>Error establishing a database connection</h1>"),
        ("Shop", "<p>The site is currently down for maintenance. Please try again later.</p>"),
        ("系统繁忙", "<p>服务器开小差了，请稍后再试</p>"),
    ],
)
def test_error_page_with_status_200_is_worth_another_try(title: str, body: str) -> None:
    error = refusal(title, body)
    assert isinstance(error, PageUnreachable)
    assert error.retryable


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("How to enable JavaScript", "<h1>How to enable JavaScript</h1><p>Open the menu and choose "
         "Settings. Under Privacy and security, choose Site settings, and pick JavaScript. Switch "
         "it to allowed.</p><p>Then reload the tab.</p>"),
        ("404 Not Found - Glossary", "<h1>404 Not Found</h1><p>A status code with which a server "
         "says that it has nothing under the address asked for. It was fixed in 1992 by the "
         "first drafts of the protocol. Search engines drop such addresses after some weeks.</p>"),
        ("Bread", "<article><p>Mix 500 g of flour with 350 g of water and 10 g of salt, and bake "
         "it at 230 degrees.</p></article><p>You must be logged in to post a comment.</p>"
         "<form><input type=password></form>"),
        ("Chewy cookies", "<p>We use brown sugar for these cookies. Bake the cookies for 11 "
         "minutes at 180 degrees. Store them in a tin for two weeks.</p>"),
        ("What is a captcha?", "<p>A captcha is a test that tells people from programs. Sites show "
         "a picture and ask the visitor to prove that they are human. The first was drawn in 1997, "
         "and most are now solved by programs.</p>"),
        ("Pool", "<p>Opening hours: Monday to Friday, 9 to 17 h. Closed for maintenance on 3 May."),
        ("Login - Manual", "<h1>Login</h1><p>The command login begins a session on the system. It "
         "asks for a name and a password, and starts the shell that is set in the file of accounts."
         "</p>"),
        ("验证码是什么", "<p>验证码是一种区分用户是计算机还是人的公共全自动程序，一九九七年首先使用"
         "，网站用它来防止恶意注册和刷票。</p>"),
        ("Error 503 in the log", "<p>Error 503 means that the sensor has lost its supply. Check "
         "the plug at the back, then hold the button for five seconds.</p>"),
        ("Names", "<p>The registry moved 14,000 names in 2023. A domain name is released 75 days "
         "after it has expired; until then only its last holder can renew it.</p>"),
        ("Big story", "<p>The council has voted for the new harbour by nine to four, after a "
         "debate of six hours. Work is to begin in spring and to cost 40 million.</p>"
         "<p>Subscribe to continue reading.</p>"),
        ("Lake", "<div id=root><p>The lake is 40 m deep, 3 km long and cold.</p></div>"
         "<script src=a.js></script>"),
        ("How to bake cookies", "<h1>How to bake cookies</h1><p>We use cookies cut from a dough of "
         "flour, sugar and butter. Bake them for ten minutes at 180 degrees.</p>"),
        ("Plain cookies", "<p>We use a knife to cut the cookies. Store these cookies dry.</p>"),
        ("Log in to PostgreSQL", "<h1>Log in to PostgreSQL</h1><p>To log in, enter psql -U name "
         "and type your password. You need to log in as a superuser to create a role.</p>"),
        ("What a 404 error means", "<h1>What a 404 error means</h1><p>The page you requested could "
         "not be found is what a browser shows when a server answers with the status 404.</p>"),
        ("CAPTCHA", "<h1>CAPTCHA</h1><p>A CAPTCHA asks you to verify that you are human. Please "
         "complete the security check is how most of them begin.</p>"),
        ("怎么处理页面不存在的提示",
         "<p>网页提示页面不存在，多半是因为文章已被作者删除或者链接写错。</p>"),
        ("Voting", "<p>To vote you must be at least 18 years old on the day of the election.</p>"),
        ("Boats", "<p>Boats</p>" + PARAGRAPH + "<div class=g-recaptcha></div><p>Write to us.</p>"),
    ],
)  # fmt: skip
def test_short_page_that_talks_of_such_things_is_read(title: str, body: str) -> None:
    assert len(read(title, body)) >= 30


@pytest.mark.parametrize(
    "sentence",
    ["Checking your browser before accessing the site.", "Please log in to continue reading.",
     "Sorry, the page you are looking for does not exist.", "We use cookies: accept all."],
)  # fmt: skip
def test_long_article_about_walls_is_read(sentence: str) -> None:
    text = f"<p>{sentence}</p>" + PARAGRAPH
    assert sentence[:20] in read("Page not found", f"<article>{text * 9}</article>")


@pytest.mark.parametrize("heading", ["Page not found", "Harbours"])
def test_page_of_prose_with_a_title_of_walls_is_read(heading: str) -> None:
    text = "".join(PARAGRAPH.replace("1904", str(year)) for year in range(1904, 1920))
    assert "1910" in read("Page not found", f"<h1>{heading}</h1>{text}")


def test_list_of_links_is_read_unless_title_and_heading_are_a_walls() -> None:
    assert "number 7" in read("Page not found – Blog", f"<h1>Harbours</h1>{RECENT_POSTS}")
    assert "number 7" in read("Harbours", f"<h1>Page not found</h1>{RECENT_POSTS}")


def test_manual_about_logging_in_is_read_beside_a_password_field() -> None:
    text = "".join(PARAGRAPH.replace("1904", str(year)) for year in range(1904, 1920))
    form = "<form><input type=password></form>"
    assert "1910" in read("Login", f"<h1>Login</h1>{form}<article>{text}</article>")


def test_page_without_text_and_without_a_wall_is_empty() -> None:
    error = refusal("Picture", "<img src=a.png><p>12 of 40</p>")
    assert isinstance(error, PageEmpty)
    assert "no text" in error.message


@pytest.mark.parametrize(
    "body", ["<p " * 50_000, "<div id=root>" * 3_000, "<h1>" + "not found " * 9_000]
)
def test_broken_markup_does_not_stop_the_search_for_walls(body: str) -> None:
    assert refusal("", body).code in ("page_empty", "page_walled", "page_missing")
