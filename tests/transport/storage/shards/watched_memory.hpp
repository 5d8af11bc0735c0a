#pragma once

namespace locum::tests {

/// Whether AddressSanitizer watches the program: it keeps freed memory, and its allocator does not bear a
/// fork while other threads allocate. Clang tells it by a feature, GCC by a macro.
#ifdef __has_feature
inline constexpr bool has_watched_memory = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr bool has_watched_memory = true;
#else
inline constexpr bool has_watched_memory = false;
#endif

}  // namespace locum::tests
