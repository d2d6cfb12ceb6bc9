/* A library that is loaded, used and unloaded again and again: calls back through two functions of
 * its own. */
__attribute__((noinline)) static int plugin_inner(int (*callback)(int), int value)
{
    int answer = callback(value);
    __asm__ volatile(""); /* no tail call */
    return answer;
}

int plugin_work(int (*callback)(int), int value);
int plugin_work(int (*callback)(int), int value)
{
    int answer = plugin_inner(callback, value);
    __asm__ volatile("");
    return answer;
}
