#include "transport/storage/hdf5/errors.hpp"

#include <utility>

namespace locum::storage {

Error file_damaged(const std::string& path, const std::string& how, std::string detail) {
  return Error(Errc::corrupt, "the file '" + path + "' is damaged: " + how + "; use an earlier copy of it",
               std::move(detail));
}

Error other_checksum(const std::string& path, std::uint32_t found, std::uint32_t written) {
  return file_damaged(path, "the checksum of this object's bytes is " + std::to_string(found) + ", and was " +
                                std::to_string(written));
}

Error file_changed(const std::string& path) {
  return Error(Errc::stale,
               "the file '" + path + "' was changed after this proxy was made; make another one");
}

Error unknown_format(const std::string& path, std::uint64_t format, std::uint64_t newest) {
  return Error(Errc::unsupported, "'" + path + "' is of format " + std::to_string(format) +
                                      ", this version of the library reads formats up to " +
                                      std::to_string(newest) + "; use the version that wrote it");
}

}  // namespace locum::storage
