/* A lock-free ring buffer for one writer and one reader.
 *
 * The two indices only ever grow; their low bits address the store. Because each
 * index has a single writer, acquire/release ordering is all that is needed. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *store;
    size_t capacity; /* a power of two */
    _Atomic size_t head; /* next byte to write */
    _Atomic size_t tail; /* next byte to read */
} ring_t;

static bool is_power_of_two(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

int ring_init(ring_t *ring, size_t capacity)
{
    if (!is_power_of_two(capacity))
        return -1;
    ring->store = malloc(capacity);
    if (ring->store == NULL)
        return -2;
    ring->capacity = capacity;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    return 0;
}

void ring_free(ring_t *ring)
{
    free(ring->store);
    memset(ring, 0, sizeof *ring);
}

size_t ring_write(ring_t *ring, const uint8_t *bytes, size_t n)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t room = ring->capacity - (head - tail);
    if (n > room)
        n = room;

    size_t at = head & (ring->capacity - 1);
    size_t first = ring->capacity - at;
    if (first > n)
        first = n;
    memcpy(ring->store + at, bytes, first);
    memcpy(ring->store, bytes + first, n - first);

    atomic_store_explicit(&ring->head, head + n, memory_order_release);
    return n;
}

size_t ring_read(ring_t *ring, uint8_t *bytes, size_t n)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t filled = head - tail;
    if (n > filled)
        n = filled;

    size_t at = tail & (ring->capacity - 1);
    size_t first = ring->capacity - at;
    if (first > n)
        first = n;
    memcpy(bytes, ring->store + at, first);
    memcpy(bytes + first, ring->store, n - first);

    atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
    return n;
}

int main(void)
{
    ring_t ring;
    if (ring_init(&ring, 16) != 0) {
        fputs("no ring\n", stderr);
        return EXIT_FAILURE;
    }
    uint8_t out[16];
    size_t total = 0;
    for (unsigned round = 0; round < 1000; round++) {
        uint8_t in[7] = { (uint8_t)round, 1, 2, 3, 4, 5, 6 };
        size_t written = ring_write(&ring, in, sizeof in);
        size_t read = ring_read(&ring, out, sizeof out);
        if (written != read || memcmp(in, out, read) != 0) {
            fprintf(stderr, "round %u: wrote %zu, read %zu\n", round, written, read);
            return EXIT_FAILURE;
        }
        total += read;
    }
    printf("%zu bytes went round\n", total);
    ring_free(&ring);
    return EXIT_SUCCESS;
}
