/* Who is told how answers were had. */
#include "names/names_parts.h"

void names_set_listener(struct names *n,
                        void (*on_news)(void *owner, const struct names_news *news), void *owner)
{
    n->on_news = on_news;
    n->news_owner = owner;
}

void names_tell(const struct names *n, const struct names_news *news)
{
    if (n->on_news != NULL) {
        n->on_news(n->news_owner, news);
    }
}
