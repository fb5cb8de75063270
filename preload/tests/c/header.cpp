// The header alone, in C++.
#include "anymem.h"

anymem_status (*const create)(const char *, size_t, anymem_heap **) = anymem_create;
