#include "transport/storage/errors.hpp"

#include <utility>

#include "transport/storage/file_calls.hpp"

namespace locum::storage {

Error record_exists() {
  return Error(Errc::key_exists, "a record of this name exists; replace it, or store under another name");
}

Error other_revision() {
  return Error(Errc::stale, "the record has another revision than expected; load it again");
}

Error record_too_large(std::string_view holder, std::uint64_t bytes, std::uint64_t most) {
  return Error(Errc::value_too_large, std::string(holder) + ": the record has " + std::to_string(bytes) +
                                          " bytes, and " + std::to_string(most) +
                                          " are the most; store it in parts, or elsewhere");
}

Error name_too_long(std::string_view holder, std::uint64_t most) {
  return Error(Errc::invalid_argument, "names in " + std::string(holder) + " have at most " +
                                           std::to_string(most) + " bytes; shorten it");
}

Error opened_to_read(std::string_view option) {
  return Error(Errc::unsupported, "this session was opened with " + std::string(option) +
                                      ", and changes nothing in its file; open it without");
}

Error over_file_limit(std::string_view file, std::uint64_t bytes) {
  return Error(Errc::system, "the limit on file sizes (ulimit -f, RLIMIT_FSIZE) is " +
                                 std::to_string(largest_file()) + " bytes, and " + std::string(file) +
                                 " needs " + std::to_string(bytes) + "; raise it, or store less");
}

Error no_locks(std::string_view path, std::string detail) {
  return Error(Errc::system,
               "the file system of '" + std::string(path) +
                   "' has no locks; if nothing else ever writes it at the same time, open it with ?lock=0",
               std::move(detail));
}

Error not_made_yet(std::string_view thing, std::string_view option) {
  return Error(Errc::not_found, "there is " + std::string(thing) + "; a writer makes it: open it without " +
                                    std::string(option));
}

Error too_many_connections(std::string_view server, std::string_view setting, std::string reply) {
  return Error(Errc::peer_lost,
               std::string(server) + " takes no more connections now; raise the server's " +
                   std::string(setting) + ", or give the URL a smaller number by the option connections",
               std::move(reply));
}

Error refused_by(std::string_view server, std::string reply) {
  return Error(Errc::system, std::string(server) + " refused the request; look at its version and settings",
               std::move(reply));
}

}  // namespace locum::storage
