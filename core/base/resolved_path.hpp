#pragma once

#include <string>

namespace locum {

/// The path of a file from the root, with no symbolic link in it: as the working folder and the links are
/// now. Whoever opens a user's path later, or opens files beside it, resolves it once, in the user's call: so
/// that a program may change its working folder afterwards, and the companions of a file that is reached by a
/// link are those of the file itself. The file need not exist; nor does the one to which a link leads. What
/// cannot be resolved is returned as it is: opening it says why. Does not throw but for want of memory.
[[nodiscard]] std::string resolved_path(const std::string& path);

}  // namespace locum
