#pragma once

namespace scaling {

/// Ends the job with status 1 and says why. For errors of a single rank: others wait for it, also in what it
/// would call on its way out, such as the end of a window or of a runtime.
[[noreturn]] void end_job(const char* why);

}  // namespace scaling
