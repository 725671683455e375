/* Intrusive doubly linked list: the link lives inside the element, so membership costs no
 * allocation. A link that is in no list points at itself; removing such a link does nothing. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

#define container_of(member_pointer, type, member) \
    ((type *)(void *)((char *)(member_pointer)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_between(struct list *link, struct list *prev, struct list *next)
{
    link->prev = prev;
    link->next = next;
    prev->next = link;
    next->prev = link;
}

static inline void list_push_back(struct list *l, struct list *link)
{
    list_insert_between(link, l->prev, l);
}

static inline void list_push_front(struct list *l, struct list *link)
{
    list_insert_between(link, l, l->next);
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* First link, or NULL when the list is empty. */
static inline struct list *list_first(const struct list *l)
{
    return list_is_empty(l) ? NULL : l->next;
}

static inline struct list *list_last(const struct list *l)
{
    return list_is_empty(l) ? NULL : l->prev;
}

/* Moves every element of `from` to the end of `to`, in order. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#define list_for_each(link, l) for (struct list *link = (l)->next; link != (l); link = link->next)

/* As list_for_each; the current element may be removed (but not its successor). */
#define list_for_each_safe(link, l)                                             \
    for (struct list *link = (l)->next, *link##_next = link->next; link != (l); \
         link = link##_next, link##_next = link->next)

#endif
