#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Which records go to a backend. In patterns `*` is any bytes and `?` any one; they are compared with names
/// as the user writes them. A record of an object without a name is called `@k…`, one whose name is too long
/// for the backends `@h…`.
struct Route {
  std::shared_ptr<Backend> to;
  std::string spaces = "*";       ///< a pattern of stores
  std::string names = "*";        ///< a pattern of names
  std::string hosts = "*";        ///< a pattern of the names of hosts that store there
  std::string tags = "*";         ///< a pattern of the tags that objects are put with; of one without, empty
  std::uint64_t least_bytes = 0;  ///< of a record: the object and about a hundred bytes
  std::uint64_t most_bytes = std::numeric_limits<std::uint64_t>::max();
};

/// One backend of several: a record is stored in that of the first route that takes it, and what none takes
/// is `invalid_argument`. Which stores there are stands in the backend of the last route.
///
/// Where a route depends on sizes, hosts or tags, a name can be in several backends: load() asks in order
/// those that could have taken it, and store() looks there first and removes what it replaces. This is not
/// atomic, and the traits say so. If the older record cannot be removed, the error is `system`, and that
/// record may still be found. Batches are divided among the backends if routes depend on spaces and names
/// alone and all backends have batches. `invalid_argument` without routes, or if a route has no backend, or
/// no size fits it.
[[nodiscard]] Result<std::shared_ptr<Backend>> routed(std::vector<Route> routes);

/// `multi:?1.to=redis://host&1.most_bytes=65536&2.to=file:///scratch`: routes by their numbers, from 1; each
/// with `to` (a URL, with % and two digits for each of its `?`, `&` and `%`) and, if need be, `stores`,
/// `names`, `hosts`, `tags`, `least_bytes`, `most_bytes`.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_multi(const Url& url);

}  // namespace locum::storage
