#pragma once

namespace locum::tests {

/// Whether a sanitizer is built in: it takes memory and address space of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace locum::tests
