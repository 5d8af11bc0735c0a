// Sessions by URL, for the C interface.
#include <chrono>
#include <string_view>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "transport/storage/open.hpp"

using namespace locum;
using namespace locum::c;

namespace {

BackendSessionOptions session_options(const locum_session_options* options) {
  BackendSessionOptions how;
  require_known(options);
  if (options != nullptr) {
    if (options->timeout_s != 0) {
      how.timeout = milliseconds_of(options->timeout_s);
    }
    if (options->most_threads != 0) {
      how.most_threads = options->most_threads;
    }
  }
  return how;
}

}  // namespace

locum_status locum_session_open(const char* url, const locum_session_options* options,
                                locum_session* session) {
  return guarded([&] {
    if (url == nullptr || session == nullptr) {
      return is_null(url == nullptr ? "url" : "session");
    }
    *session = nullptr;
    auto opened = open_session(url, session_options(options));
    if (!opened) {
      return failed(opened.error());
    }
    *session = static_cast<locum_session>(sessions().add(*std::move(opened)));
    return *session == nullptr ? no_handle_left() : LOCUM_OK;
  });
}

locum_status locum_open(const char* url, const locum_session_options* options, locum_store* store) {
  return guarded([&] {
    if (url == nullptr || store == nullptr) {
      return is_null(url == nullptr ? "url" : "store");
    }
    *store = nullptr;
    return give_store(open(url, session_options(options)), store);
  });
}
