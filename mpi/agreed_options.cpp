#include "mpi/agreed_options.hpp"

#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/rpc/message.hpp"
#include "core/version.hpp"
#include "mpi/error.hpp"

namespace locum::mpi {
namespace {

std::string version_and_options(const RuntimeOptions& options) {
  return "version = " + std::string(version()) + "\nwire = " + std::to_string(wire_version) + "\n" +
         to_string(options);
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "memory_bytes = 2 there, memory_bytes = 1 on rank 0; …": the lines in which two texts differ.
std::string differing_lines(const std::string& there, const std::string& on_rank_0) {
  std::istringstream first(there);
  std::istringstream second(on_rank_0);
  std::string text;
  std::string a;
  std::string b;
  while (std::getline(first, a) && std::getline(second, b)) {
    if (a != b) {
      text.append(text.empty() ? "" : "; ").append(a).append(" there, ").append(b).append(" on rank 0");
    }
  }
  return text.empty() ? "one rank has more options than the other" : text;
}

}  // namespace

RuntimeOptions agreed_options(CommunicatorGroup& group, const Result<RuntimeOptions>& asked) {
  throw_if(group.agree(asked ? std::nullopt : std::optional(asked.error()), "checking the options", {}));
  const std::string mine = version_and_options(*asked);
  const std::string rank_0 = text_of(group.broadcast(bytes_of(mine), 0, "comparing the options"));
  std::optional<Error> error;
  if (mine != rank_0) {
    error = Error(Errc::options_differ,
                  "rank " + std::to_string(group.rank()) + " has other options than rank 0 (" +
                      differing_lines(mine, rank_0) +
                      "); give all ranks the same options, LOCUM_ variables and version of the library");
  }
  throw_if(group.agree(error, "comparing the options", {}));
  return *asked;
}

}  // namespace locum::mpi
