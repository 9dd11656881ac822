"""The two choices: in which order the product is multiplied, and what is remembered.

    eliminate        a vertex removed, in any order; an algebra says what is done with the values
    twins, mirror    a product that is its own transpose: half of it made, and the orders that allow it
    cost             the work of a step, and the models that price it: a new model or device is a row here
    count, tally     the algebra that counts; the same, nothing counted twice
    passes, ports    what goes through a loop, a branch or another implicit node, and what that takes
    sweep, flops     one vector through a program; the arithmetic of its equations
    orders           orders by a rule: a new one is a row here
    chain            blocks in a row, bracketed exactly
    search           orders by search: a new one is a row here
    exact, local_search, bare    the searches, and the graph of scalars on which they are fast
    choose           what ``order=`` may say: everything counted, the cheapest taken
    candidate, cache an order that was counted; those that are kept
    bound            what no order can go below
    plan             all of it as an object: text prints it, store saves it, links remember the maps it was made for
    predict          what XLA will count of a plan
"""
