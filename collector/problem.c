/* See problem.h. */
#include "collector/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int problem_set(struct problem *problem, const char *format, ...)
{
    va_list arguments;
    if (problem->text[0])
        return -1;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    problem->text[strcspn(problem->text, "\n")] = '\0';
    return -1;
}
