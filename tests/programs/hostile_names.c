/* Scopes whose names try to be something else. */
#include "vitte_trace.h"

static const char *const names[] = {
    "</script><script>document.title = 'broken out'</script>",
    "]]><script>document.title = 'broken out'</script>",
    "\"};document.title = 'broken out';({\"a\":\"",
    "<img src=x onerror=\"document.title = 'broken out'\">",
    "\\u003c &lt; &amp; ' \" ; \\",
    "not UTF-8: \xff\xfe \xc3( \xed\xa0\x80",
    "no characters: \xef\xbf\xbe\xef\xbf\xbf \x01\x02\x1b[31m\x7f",
    "two\nlines\tand a tab",
};

int main(void)
{
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        vt_begin(names[i], 0, 0);
        vt_end();
    }
    return 0;
}
