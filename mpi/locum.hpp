#pragma once

/// \file
/// Everything public, in one header: users include it as `<locum/locum.hpp>`. Serialisers of the less common
/// containers are in `<locum/core/containers.hpp>`.

#include "../core/coded_store.hpp"
#include "../core/promise.hpp"
#include "../core/serializers.hpp"
#include "../core/session.hpp"
#include "../core/store.hpp"
#include "../core/version.hpp"
#include "runtime.hpp"
