"""Parameters of addresses that say where a reader came from, never which page it is."""

import re

# On any site.
_EVERYWHERE = re.compile(
    r"utm_\w+|mtm_\w+|matomo_\w+|pk_(?:campaign|kwd|source|medium|content)|piwik_\w+|"
    r"at_(?:medium|campaign|custom\d+|format|link_\w+|ptr_name)|hsa_\w+|"
    r"gclid|gclsrc|dclid|gbraid|wbraid|gad_\w+|srsltid|_ga|_gl|fbclid|msclkid|yclid|ymclid|twclid|"
    r"ttclid|li_fat_id|igshid|igsh|mc_cid|mc_eid|_hsenc|_hsmi|__hs\w+|hsctatracking|ref_src|"
    r"ref_url|vero_id|mkt_tok|oly_enc_id|oly_anon_id|s_kwcid|ef_id|wickedid|_openstat|epik|"
    r"spm|scm|share_token|sharer_share\w*",
    re.IGNORECASE,
)
# On one site and those below it: elsewhere the same names may choose the page.
_ON_SITES = {
    "baidu.com": r"fr|frommodule|lemmafrom|fromtitle|fromid|wfr",
    "bilibili.com": r"spm_id_from|from_spmid|from_source|vd_source|share_\w+|unique_k|bbid|"
    r"plat_id|is_story_h5|-arouter|buvid",
    "csdn.net": r"ops_request_misc|request_id|biz_id|depth_\S+|spm_\S+",
    "douban.com": r"_i|_spm_id|_dtcc|dt_dapp|dt_platform|from",
    "sohu.com": r"_trans_|_f|pvid",
    "toutiao.com": r"app|timestamp|tt_from|use_new_style|req_id|wid|log_from",
    "weibo.com": r"wvr|luicode|refer_flag",
    "weixin.qq.com": r"chksm|scene|subscene|srcid|sessionid|ascene|mpshare|clicktime|enterid|"
    r"pass_ticket|devicetype|nettype|exportkey|wx_header|sharer_\w+",
    "zhihu.com": r"hybrid_search_\w+|share_code|s_r|zd_token",
    "amazon.com": r"ref|ref_|pd_rd_\w+|pf_rd_\w+|qid|crid|sprefix|dib|dib_tag",
    "medium.com": r"source",
    "nytimes.com": r"smid|smtyp|partner|emc|rref|referringsource|searchresultposition|unlocked_\S+",
    "reddit.com": r"share_id|rdt|ref|ref_source",
    "x.com": r"s|t|cxt",
    "youtube.com": r"si|feature|pp|ab_channel",
    "youtu.be": r"si|feature",
}
_ON_SITE_PATTERNS = {site: re.compile(p, re.IGNORECASE) for site, p in _ON_SITES.items()}


def is_tracking(name: str, *, host: str) -> bool:
    """Whether a parameter of this name may be dropped on that host."""
    if _EVERYWHERE.fullmatch(name):
        return True
    labels = host.split(".")
    sites = (".".join(labels[start:]) for start in range(len(labels)))
    return any(
        pattern.fullmatch(name) is not None
        for site in sites
        if (pattern := _ON_SITE_PATTERNS.get(site)) is not None
    )
